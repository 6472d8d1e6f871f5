import os
import socket

import pytest

from infra import doctor
from infra.home import Home, Pid, Run
from infra.jars import JarSet
from infra.paths import UV_LOCK
from infra.ports import LOOPBACK


def test_every_failure_says_how_to_mend_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(doctor, "packaged_java", lambda: None)
    findings = [
        doctor.check_python((3, 10)),
        doctor.check_python((3, 14)),
        doctor.check_java(dict(os.environ)),
        doctor.check_packages(UV_LOCK, {"duckdb": "0.1"}),
        doctor.check_store(tmp_path / "weed"),
        doctor.check_jars(JarSet("kafka", *_kafka_files(), tmp_path)),
        doctor.check_disk(tmp_path, 1000),
    ]
    assert all(finding.failed and finding.mend for finding in findings)
    assert [finding.mark for finding in findings] == ["FAILS"] * len(findings)


def _kafka_files():
    kafka = JarSet.of("kafka")
    return kafka.spec, kafka.lock


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_python_that_the_project_supports_is_fine(version):
    assert doctor.check_python(version).mark == "ok"


def test_this_installation_has_the_locked_versions():
    assert not doctor.check_packages(UV_LOCK, doctor.installed_packages()).failed


def test_a_package_of_another_version_is_named_with_both():
    finding = doctor.check_packages(UV_LOCK, {"duckdb": "1.4.0"})
    assert finding.found == "duckdb 1.4.0 instead of 1.5.5"


def test_packages_that_the_lock_does_not_know_are_none_of_our_business():
    assert not doctor.check_packages(UV_LOCK, {"some-editor-plugin": "7"}).failed


def test_little_memory_is_a_warning_not_a_failure():
    finding = doctor.check_memory(1_000_000_000)
    assert finding.mark == "warns"
    assert not finding.failed
    assert doctor.check_memory(8_000_000_000).mark == "ok"


def test_a_disk_that_will_last_some_days_is_a_warning(tmp_path):
    assert doctor.check_disk(tmp_path, 5_000_000_000).mark == "warns"
    assert doctor.check_disk(tmp_path, 50_000_000_000).mark == "ok"


def test_a_taken_port_fails_unless_it_is_our_own_that_runs(tmp_path, monkeypatch):
    home = Home(tmp_path / "home")
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        monkeypatch.setattr(doctor, "_DASHBOARD_PORT", server.getsockname()[1])
        assert [f.mark for f in doctor.check_home(home)] == ["ok", "FAILS"]
        home.ensure()
        me = Pid.of(os.getpid())
        home.write_run(Run(me, me, "2026-01-02T00:00:00+00:00", "none", "simulator", None))
        assert [f.mark for f in doctor.check_home(home)] == ["ok"]


def test_looking_changes_nothing(tmp_path):
    list(doctor.check_home(Home(tmp_path / "home")))
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_written_fails(tmp_path):
    (tmp_path / "file").touch()
    findings = list(doctor.check_home(Home(tmp_path / "file")))
    assert findings[0].failed
