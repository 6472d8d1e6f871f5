"""A service that fails makes `up` fail by name, every time, until it is mended."""

import pytest

from tests.support.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

# The real program with one service in place of all: what FAULT says is wrong with it.
_PROGRAM = """\
import os

from infra import stack
from infra.health import Running
from infra.probes import port_probe
from infra.service import Service

SERVER = ("python3", "-I", "-m", "http.server", "8000", "--directory", "/opt")
FAULTS = {
    "": {},
    "wrong command": {"command": ("no-such-program", "--at-all")},
    "unhealthy": {
        "probe": port_probe(9),
        "command": ("python3", "-c", "import time; print('nobody', 'asks'); time.sleep(3600)"),
    },
    "missing image": {"image": "tapehouse.invalid/nothing@sha256:" + "0" * 64},
    "job": {"job": True, "probe": (), "command": ("python3", "-c", "print('made it')")},
    "job that fails": {
        "job": True,
        "probe": (),
        "command": ("python3", "-c", "import sys; print('last words'); sys.exit(3)"),
    },
}
fault = FAULTS[os.environ["FAULT"]]
described = {
    "name": "ensure-topics" if fault.get("job") else "dashboard",
    "command": SERVER,
    "health": Running(),
    "memory_mb": 64,
    "image": "proxy",
    "networks": ("data",),
    "probe": port_probe(8000),
    **fault,
}
stack.stack_services = lambda settings, credentials, token: (Service(**described),)
stack.run()
"""


@pytest.fixture(scope="module")
def one_service(make_stack):
    stack: Stack = make_stack("fails", patienceSeconds="12")
    (stack.project / "infra" / "__main__.py").write_text(_PROGRAM)
    stack.init()
    yield stack
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAULT", "")
        stack.destroy()
    assert stack.leftovers() == []


@pytest.mark.parametrize(
    ("fault", "mended", "words"),
    [
        ("wrong command", "", ("service dashboard failed", "no-such-program")),
        ("unhealthy", "", ("service dashboard failed", "nobody asks")),
        ("missing image", "", ("service dashboard failed", "tapehouse.invalid/nothing")),
        ("job that fails", "job", ("service ensure-topics failed", "last words")),
    ],
)
def test_up_fails_twice_naming_it_and_is_green_once_mended(
    one_service: Stack,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    mended: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("FAULT", fault)
    for _ in range(2):
        done = one_service.up(check=False)
        assert done.code != 0, done.text
        assert [word for word in words if word not in done.text] == [], done.text
        assert "unhandled exception" not in done.text
    monkeypatch.setenv("FAULT", mended)
    one_service.up()
    assert all(one.is_good for one in one_service.containers().values())
    done = one_service.preview_without_changes()
    assert done.code == 0, done.text


def test_a_service_that_broke_since_is_named_by_an_up_that_changes_nothing(
    one_service: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", "")
    one_service.up()
    one_service.stop("dashboard")
    done = one_service.up(check=False)
    assert done.code != 0
    assert "service dashboard failed" in done.text
    one_service.pulumi("up", "--yes", "--skip-preview", "--refresh", "--stack", one_service.name)
    assert one_service.containers()["dashboard"].is_good
