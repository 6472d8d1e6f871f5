"""Checks of this machine and this installation, each with what to do when it fails."""

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import psutil

from catalog.errors import TapehouseError
from infra.home import Home
from infra.jars import LOCAL, JarSet
from infra.jars.sync import damaged, missing
from infra.java import WORKING, find_system_java, packaged_java
from infra.machine import NEEDED_DISK_BYTES, free_disk_bytes
from infra.output import human_bytes
from infra.paths import UV_LOCK, executable
from infra.ports import is_free

_PYTHONS = ((3, 11), (3, 13))
_DISK_FOR_A_WEEK_BYTES = 10_000_000_000
_NEEDED_MEMORY_BYTES = 3_000_000_000
_DASHBOARD_PORT = 8501


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `mend` says what to do about a failure or a warning."""

    check: str
    found: str
    mend: str | None = None
    failed: bool = False

    @property
    def mark(self) -> str:
        """In a word."""
        return "FAILS" if self.failed else "warns" if self.mend else "ok"


def examine(home: Home) -> list[Finding]:
    """All checks, in the order in which a newcomer would mend them. Changes nothing."""
    return [
        check_python(sys.version_info[:2]),
        check_java(dict(os.environ)),
        check_packages(UV_LOCK, installed_packages()),
        check_store(executable("weed")),
        *map(check_jars, LOCAL),
        check_disk(home.path, free_disk_bytes(home.path)),
        check_memory(psutil.virtual_memory().available),
        *check_home(home),
    ]


def check_python(version: tuple[int, ...]) -> Finding:
    """Against what pyproject.toml asks for."""
    shown = ".".join(map(str, version))
    oldest, newest = _PYTHONS
    good = oldest <= version[:2] <= newest
    mend = f"install Python {oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}, then `make setup`"
    return Finding("Python", shown, None if good else mend, not good)


def check_java(environment: dict[str, str]) -> Finding:
    """A Java that runs both Kafka and Spark."""
    java, passed_over = find_system_java(environment)
    if java:
        return Finding("Java", f"{java.version} ({java.source}: {java.home})")
    if packaged := packaged_java():
        return Finding("Java", f"the one from PyPI ({packaged})")
    wanted = " or ".join(map(str, WORKING))
    return Finding(
        "Java",
        "; ".join(passed_over) or "none",
        f"run `make setup`, which takes one from PyPI, or set JAVA_HOME to a Java {wanted}",
        failed=True,
    )


def check_packages(lock: Path, installed: dict[str, str]) -> Finding:
    """Every installed package that the lock knows has the locked version, so that they fit."""
    # A name may stand there more than once: a version for each range of Python versions.
    locked: dict[str, set[str]] = {}
    for package in tomllib.loads(lock.read_text())["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version", "any"))
    known = {name: version for name, version in installed.items() if name in locked}
    wrong = [
        f"{name} {version} instead of {' or '.join(sorted(locked[name]))}"
        for name, version in sorted(known.items())
        if not locked[name] & {version, "any"}
    ]
    if wrong:
        return Finding("packages", "; ".join(wrong), "run `make setup`", failed=True)
    return Finding("packages", f"{len(known)} as uv.lock says")


def installed_packages() -> dict[str, str]:
    """Version by normalised name."""
    return {
        re.sub(r"[-_.]+", "-", dist.metadata["Name"]).lower(): dist.version
        for dist in distributions()
    }


def check_store(weed: Path) -> Finding:
    """The store's program, which comes in a package of its own."""
    if os.access(weed, os.X_OK):
        return Finding("store", str(weed))
    return Finding("store", f"{weed} is not there", "run `make setup`", failed=True)


def check_jars(jars: JarSet) -> Finding:
    """Each jar of the lock is there and has the lock's sum."""
    absent, broken = missing(jars), damaged(jars)
    if not (absent or broken):
        return Finding(
            f"{jars.name} jars", f"{len(list(jars.folder.glob('*.jar')))} with the right sums"
        )
    found = [f"{file} is missing" for file in absent] + [
        f"{file} has a wrong sum" for file in broken
    ]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return Finding(f"{jars.name} jars", f"{found[0]}{more}", "run `make setup`", failed=True)


def check_disk(path: Path, free: int) -> Finding:
    """Room to start, and room to stay."""
    found = f"{human_bytes(free)} free at {path}"
    if free < NEEDED_DISK_BYTES:
        needed = human_bytes(NEEDED_DISK_BYTES)
        return Finding("disk", found, f"free some space: {needed} are needed to start", failed=True)
    few = free < _DISK_FOR_A_WEEK_BYTES
    return Finding("disk", found, "enough to start; messages are kept a week" if few else None)


def check_memory(available: int) -> Finding:
    """Room for all services together."""
    found = f"{human_bytes(available)} available"
    if available < _NEEDED_MEMORY_BYTES:
        needed = human_bytes(_NEEDED_MEMORY_BYTES)
        return Finding(
            "memory", found, f"it may get slow: about {needed} are used; close something"
        )
    return Finding("memory", found)


def check_home(home: Home) -> Iterator[Finding]:
    """Whether something runs in the home, and if not, whether it could."""
    run = home.last_run()
    if run and run.runner.process():
        yield Finding("home", f"{home.path}: running since {run.started_at}")
        return
    try:
        home.check_writable()
    except TapehouseError as error:
        yield Finding("home", str(error), "choose another with --home", failed=True)
    else:
        yield Finding("home", f"{home.path}: nothing runs")
    if is_free(_DASHBOARD_PORT):
        yield Finding("port", f"{_DASHBOARD_PORT} is free")
    else:
        yield Finding(
            "port",
            f"{_DASHBOARD_PORT} is taken by another program",
            "stop that program, or start with --port",
            failed=True,
        )
