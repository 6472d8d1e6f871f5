"""What `tapehouse status` makes of a home: a real supervisor, a real keeper, small services."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr

from infra.health import Running
from infra.home import Home, Pid, Run
from infra.local import LocalRunner
from infra.ports import LOOPBACK
from infra.reach_home import HomeReach
from infra.service import Service
from streaming import keeper

TAPEHOUSE = Path(sys.executable).with_name("tapehouse")
SLEEP = "import time\nwhile True: time.sleep(1)"


def service(name: str, code: str, **fields) -> Service:
    return Service(name, (sys.executable, "-c", code), Running(), 64, grace_seconds=2, **fields)


@pytest.fixture
def run(tmp_path):
    """Run services in a home, as `tapehouse run` would; returns the home."""
    runners = []

    def run(feed: str, *services: Service) -> Home:
        home = Home(tmp_path / ".tapehouse")
        home.ensure()
        home.ensure_ports()
        runner = LocalRunner(home, services, lambda _: None)
        runners.append(runner)
        runner.launch(Event())
        me = Pid.of(os.getpid())
        started_at = datetime.now(UTC).isoformat()
        home.write_run(Run(me, runner.supervisor_pid, started_at, feed, "simulator", None))
        runner.start(Event())
        return home

    yield run
    for runner in runners:
        runner.stop()


@pytest.fixture
def keeping():
    """The streaming process's answers, for a home."""

    def keeping(home: Home):
        board = keeper.Board("1", "2026-01-02T00:00:00+00:00")
        board.update_query(id="a-query")
        token = SecretStr(home.credentials.keeper_token)
        return keeper.serve(board, LOOPBACK, home.ports["stream.keeper"], token)

    return keeping


def status(home: Home, *options: str, timeout: float = 60) -> subprocess.CompletedProcess:
    return subprocess.run(
        [TAPEHOUSE, "status", "--json", *options],
        cwd=home.path.parent,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def wait_until_ended(home: Home, name: str) -> None:
    deadline = time.monotonic() + 30
    while HomeReach(home).describe()["services"][name]["state"] != "exited":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_all_is_well_while_services_run_and_the_stream_answers(run, keeping):
    home = run("none", service("worker", SLEEP), service("setup", "pass", job=True))
    with keeping(home):
        done = status(home)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert {name: s["well"] for name, s in services.items()} == {"worker": True, "setup": True}


def test_a_stream_that_does_not_answer_is_exit_code_4_and_the_rest_is_told(run):
    done = status(run("none", service("worker", SLEEP)))
    assert done.returncode == 4
    assert json.loads(done.stdout)["services"]["worker"]["well"]


def test_a_service_that_ended_for_good_is_exit_code_4_though_the_stream_answers(run, keeping):
    refused = service("producer", "import time; time.sleep(2); exit(5)", for_good=(5,))
    home = run("finnhub", refused)
    wait_until_ended(home, "producer")
    with keeping(home):
        done = status(home)
    assert done.returncode == 4
    assert json.loads(done.stdout)["services"]["producer"]["well"] is False


def test_nothing_is_waited_for_when_a_recording_has_ended(run, keeping):
    playing = service("simulator", "import time; time.sleep(2)", for_good=(0,))
    home = run("recording", playing)
    assert HomeReach(home).has_feed
    wait_until_ended(home, "simulator")
    assert not HomeReach(home).has_feed
    with keeping(home):
        assert status(home, "--wait", timeout=30).returncode == 0
