"""Processes killed, the engine stopped, the stack destroyed: all returns, and nothing is lost."""

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from ingest.recording import recording_name
from tests.support.instance import wait_until
from tests.support.stack import (
    ENGINE,
    ROOT,
    TAPEHOUSE,
    Stack,
    assert_data_outlive_destroy,
    assert_exactly_once,
    cannot,
    summed,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]

# What a replay goes on through; the producer's container is the one that it runs in.
_LAST = "producer"
_DAY = "us-equities-2013-10-07.frames.jsonl.zst"
_MADE_UP = ROOT / "tests" / "data" / "made-up.frames.jsonl"


def kill(stack: Stack, service: str) -> None:
    """`kill -9` from the host, which the restart policy answers; returns when it is well again."""
    before = stack.containers()[service]
    (found,) = ENGINE.inspect(before.id)
    os.kill(found["State"]["Pid"], signal.SIGKILL)

    def is_back() -> bool:
        now = stack.containers()[service]
        return now.restarts > before.restarts and now.is_good

    wait_until(is_back, 180, f"{service} to be well again", every=1)


def test_every_container_may_be_killed_while_a_day_plays(stack: Stack, test_data: Path) -> None:
    day = test_data / _DAY
    recording = day if day.exists() else _MADE_UP
    before = stack.count()
    with subprocess.Popen(
        [TAPEHOUSE, "--stack", stack.name, "replay", recording, "--speed", "200", "--json"],
        cwd=stack.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as replay:
        try:
            for service in stack.services():
                if service != _LAST:
                    kill(stack, service)
            out, errors = replay.communicate(timeout=600)
        finally:
            replay.kill()
    assert replay.returncode == 0, errors[-3000:]
    outcome = json.loads(out)
    assert outcome["sent"] == outcome["acknowledged"] == outcome["stored"] > 0
    kill(stack, _LAST)
    stack.wait_until_well()
    wait_until(stack.is_caught_up, 120, "the tables to hold the topic", every=1)
    assert_exactly_once(stack)
    assert stack.count() >= before + outcome["stored"]


def test_the_engine_may_be_stopped_and_started(stack: Stack) -> None:
    """Every container comes back by itself and goes on where it was."""
    restart = os.environ.get("TAPEHOUSE_ENGINE_RESTART")
    if not restart:
        cannot("TAPEHOUSE_ENGINE_RESTART names no command that stops and starts the engine")
    outcome = json.loads(stack.cli("replay", str(_MADE_UP), "--speed", "max", "--json").out)
    assert outcome["sent"] == outcome["acknowledged"] == outcome["stored"] > 0
    of_replays = f"source = '{recording_name(_MADE_UP)}'"
    replayed = summed(stack, of_replays)
    assert replayed["n"] >= outcome["stored"]
    ids = {name: one.id for name, one in stack.containers().items()}
    rows, acknowledged = stack.count(), stack.latest()
    assert acknowledged > 0
    subprocess.run(shlex.split(restart), check=True, timeout=300)
    stack.wait_until_well(300)
    assert {name: one.id for name, one in stack.containers().items()} == ids
    wait_until(lambda: stack.count() > rows, 60, "more trades", every=1)
    wait_until(
        lambda: stack.is_caught_up(acknowledged), 120, "the tables to hold the topic", every=1
    )
    assert stack.latest() >= acknowledged
    assert summed(stack, of_replays) == replayed
    assert_exactly_once(stack)
    assert stack.replaced_by() == set()


def test_a_stack_told_to_retain_its_data_takes_them_up_after_destroy(stack: Stack) -> None:
    """The last of all: it ends the shared stack once. What stays is deleted when the tests end."""
    assert stack.replaced_by({"lifecycle": "retain"}) == set()
    stack.config["lifecycle"] = "retain"
    assert_data_outlive_destroy(stack)
