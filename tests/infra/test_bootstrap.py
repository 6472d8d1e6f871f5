import subprocess
import sys

import pytest

from catalog.errors import InstallError
from infra import bootstrap
from infra.paths import ROOT


def test_a_complete_setup_is_left_alone(monkeypatch, tmp_path):
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "tapehouse").touch()
    stamp = venv / "setup.stamp"
    monkeypatch.setattr(bootstrap, "_VENV", venv)
    monkeypatch.setattr(bootstrap, "_STAMP", stamp)
    monkeypatch.setattr(bootstrap, "_absent_jars", lambda _name: [])
    stamp.write_text("\n".join([*bootstrap._fingerprint(bootstrap._EXTRAS, dev=True), "jre"]))
    before = stamp.read_text()
    bootstrap.setup(dev=False)
    assert stamp.read_text() == before


def test_a_setup_whose_lock_changed_or_whose_jars_are_gone_is_not_complete(monkeypatch, tmp_path):
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "tapehouse").touch()
    monkeypatch.setattr(bootstrap, "_VENV", venv)
    monkeypatch.setattr(bootstrap, "_STAMP", venv / "setup.stamp")
    wanted = bootstrap._fingerprint(bootstrap._EXTRAS, dev=False)
    monkeypatch.setattr(bootstrap, "_absent_jars", lambda _name: [])
    assert not bootstrap._is_complete(wanted)
    (venv / "setup.stamp").write_text("\n".join(wanted))
    assert bootstrap._is_complete(wanted)
    assert not bootstrap._is_complete({*wanted, "another lock"})
    monkeypatch.setattr(bootstrap, "_absent_jars", lambda _name: ["gone.jar"])
    assert not bootstrap._is_complete(wanted)


def test_a_disk_without_room_stops_setup_before_anything_is_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "_VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "_NEEDED_DISK_BYTES", 1 << 60)
    with pytest.raises(InstallError, match="Nothing was installed: free some space"):
        bootstrap.check_room(tmp_path)


def test_packages_that_cannot_be_installed_are_an_install_error(tmp_path):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'error: no route to host' >&2\nexit 2\n")
    uv.chmod(0o755)
    with pytest.raises(InstallError, match="run `make setup` again") as caught:
        bootstrap.sync_packages(str(uv), ("local",), dev=False)
    assert caught.value.exit_code == 3


def test_another_python_is_refused_in_one_clear_line():
    code = """
import sys, runpy
sys.version_info = (3, 9, 2, "final", 0)
sys.version = "3.9.2 (default)"
runpy.run_module("infra.bootstrap", run_name="__main__")
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 3
    assert answer.stderr.startswith("Setup needs Python 3.11 to 3.13, and this is 3.9.2")
    assert answer.stderr.count("\n") == 1
