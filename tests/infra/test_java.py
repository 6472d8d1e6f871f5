import subprocess
from pathlib import Path

import pytest

from catalog.errors import InstallError
from infra import java as java_module
from infra.java import ask, ensure_java, find_system_java


def fake_java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize("version", ["17.0.15", "21.0.8"])
def test_a_java_that_works_is_taken_from_java_home(tmp_path, version):
    fake_java(tmp_path / "jdk", version)
    found, passed_over = find_system_java({"JAVA_HOME": str(tmp_path / "jdk"), "PATH": ""})
    assert found
    assert found.version == int(version[:2])
    assert found.home == tmp_path / "jdk"
    assert not passed_over


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "25", "25.0.1"])
def test_another_java_is_passed_over_and_named(tmp_path, version):
    java = fake_java(tmp_path / "jdk", version)
    found, passed_over = find_system_java({"PATH": str(java.parent)})
    assert found is None
    assert passed_over == [f"PATH: Java {int(version.split('.')[0])}"]


def test_path_is_asked_when_java_home_is_of_no_use(tmp_path):
    fake_java(tmp_path / "old", "11.0.2")
    good = fake_java(tmp_path / "good", "17.0.1")
    environment = {"JAVA_HOME": str(tmp_path / "old"), "PATH": str(good.parent)}
    found, passed_over = find_system_java(environment)
    assert found
    assert found.source == "PATH"
    assert passed_over == ["JAVA_HOME: Java 11"]


def test_a_broken_java_home_is_said_to_be_broken(tmp_path):
    found, passed_over = find_system_java({"JAVA_HOME": str(tmp_path), "PATH": ""})
    assert found is None
    assert passed_over == [f"JAVA_HOME: {tmp_path / 'bin' / 'java'} does not run"]


def test_a_java_that_exits_with_an_error_does_not_count(tmp_path):
    java = fake_java(tmp_path, "17.0.1")
    java.write_text(java.read_text() + "exit 1\n")
    assert ask(java)[0] == 0


def test_without_any_java_the_error_names_what_was_found_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(java_module, "packaged_java", lambda: None)
    java = fake_java(tmp_path / "jdk", "25.0.1")
    with pytest.raises(InstallError, match=r"PATH: Java 25.*make setup") as caught:
        ensure_java(tmp_path / "wrapper", {"PATH": str(java.parent)})
    assert caught.value.exit_code == 3


def test_the_packaged_java_gets_a_wrapper_that_drops_the_one_module_it_lacks(tmp_path, monkeypatch):
    packaged = tmp_path / "runtime"
    java = fake_java(packaged, "21.0.8")
    java.write_text(java.read_text() + 'for a in "$@"; do echo "<$a>"; done\n')
    monkeypatch.setattr(java_module, "packaged_java", lambda: packaged)
    found = ensure_java(tmp_path / "wrapper", {"PATH": ""})
    arguments = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-Da=b c", "Main"]
    answer = subprocess.run(
        [found.executable, *arguments], capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines() == ["<-Xmx1g>", "<-Da=b c>", "<Main>"]
    assert found.version == 21
