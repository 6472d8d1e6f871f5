"""`tapehouse --stack`: everything a user asks from the host, with no port open for it."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.consoles import ENDLESS
from tests.support.instance import wait_until
from tests.support.stack import ROOT, TAPEHOUSE, Stack, assert_exactly_once

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

RECORDING = ROOT / "tests" / "data" / "made-up.frames.jsonl"


def test_status_tells_of_every_service_and_of_the_stream(stack: Stack) -> None:
    report = stack.status()
    assert set(report["services"]) == set(stack.containers())
    assert report["stream"]["query"]["id"]
    assert report["feed"] == "simulator"
    assert report["dashboard"] == stack.dashboard_url()
    shown = stack.cli("status").out
    assert "stock-ticks" in shown
    assert "running" in shown


def test_a_moment_of_the_past_answers_as_it_did(stack: Stack) -> None:
    kept = json.loads(stack.cli("snapshots", "--format", "json").out)
    assert len(kept) >= 2
    chosen = kept[len(kept) // 2]
    (row,) = stack.sql("SELECT count(*) AS n FROM trades", "--as-of", str(chosen["snapshot_id"]))
    assert row["n"] == chosen["total_rows"]
    (same,) = stack.sql("SELECT count(*) AS n FROM trades", "--as-of", chosen["committed_at"])
    assert same["n"] == row["n"]


def test_a_moment_is_named_through_the_keeper(stack: Stack) -> None:
    [told] = json.loads(stack.cli("tag", "seen", "--keep", "1d", "--format", "json").out)
    [named] = [
        row
        for row in json.loads(stack.cli("snapshots", "--offsets", "--format", "json").out)
        if "seen" in row["tags"]
    ]
    assert named["snapshot_id"] == told["snapshot_id"]
    (row,) = stack.sql("SELECT count(*) AS n FROM trades", "--as-of", "seen")
    assert row["n"] == named["total_rows"]
    stack.cli("tag", "--delete", "seen")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("sql", "SELEC 1"), 9, "syntax error"),
        (("sql", "DROP TABLE trades"), 9, "read-only"),
        (("sql", "SELECT * FROM read_csv('/run/tapehouse/secrets/x')"), 9, "read_csv is not"),
        (
            ("sql", "SELECT 1 FROM trades", "--as-of", "2001-01-01T00:00:00Z"),
            8,
            "before the first commit",
        ),
    ],
)
def test_an_error_inside_is_one_line_outside(
    stack: Stack, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = stack.cli(*arguments, check=False)
    assert done.code == code, done.text
    assert words in done.text
    assert "Traceback" not in done.text


def test_a_replay_is_stored_trade_by_trade(stack: Stack) -> None:
    outcome = json.loads(stack.cli("replay", str(RECORDING), "--speed", "max", "--json").out)
    assert outcome["sent"] == outcome["acknowledged"] == outcome["stored"] > 0
    (row,) = stack.sql("SELECT count(*) AS n FROM trades WHERE source = 'made-up'")
    assert row["n"] >= outcome["stored"]
    assert_exactly_once(stack)


def test_ctrl_c_ends_a_replay_in_order(stack: Stack, tmp_path: Path) -> None:
    with subprocess.Popen(
        [TAPEHOUSE, "--stack", stack.name, "replay", RECORDING, "--speed", "0.1", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as replay:
        wait_until(
            lambda: "--replay" in _processes(stack, "producer"),
            60,
            "the replay to have begun",
            every=1,
        )
        time.sleep(3)
        replay.send_signal(signal.SIGINT)
        out, errors = replay.communicate(timeout=120)
    assert "Traceback" not in errors
    assert "--replay" not in _processes(stack, "producer")
    if out:
        outcome = json.loads(out)
        assert outcome["acknowledged"] == outcome["sent"]
    assert_exactly_once(stack)


def test_sql_runs_in_the_consoles_container_and_ctrl_c_ends_it(
    stack: Stack, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [TAPEHOUSE, "--stack", stack.name, "sql", ENDLESS], cwd=tmp_path, stderr=subprocess.PIPE
    ) as asking:
        wait_until(lambda: _asking(stack, "console"), 60, "the query to have begun", every=1)
        assert not _asking(stack, "dashboard")
        asking.send_signal(signal.SIGINT)
        _, errors = asking.communicate(timeout=60)
    assert asking.returncode == 130, errors
    wait_until(lambda: not _asking(stack, "console"), 30, "the end of the query", every=1)
    assert stack.count() > 0


def test_the_dashboard_asks_the_console_for_its_sql(stack: Stack) -> None:
    told = stack.python("dashboard", _FROM_THE_DASHBOARD)
    assert told["kind"] == "ConsoleClient"
    assert told["rows"][0]["n"] > 0
    assert "read-only" in told["refused"]
    assert "cancelled" in told["cancelled"]


_FROM_THE_DASHBOARD = f"""
import json, threading, time
from catalog.errors import QueryError
from catalog.settings import LakeSettings
from serving.console.access import open_console
from serving.console.settings import ConsoleServiceSettings, ConsoleSettings

one = open_console(LakeSettings.read(), ConsoleSettings.read(), ConsoleServiceSettings.read())
told = {{"kind": type(one).__name__}}
told["rows"] = one.ask("ann", "SELECT count(*) AS n FROM trades").table.to_pylist()

def failing(user, sql):
    try:
        one.ask(user, sql)
    except QueryError as error:
        told[user] = str(error)

failing("refused", "DROP TABLE trades")
asking = threading.Thread(target=failing, args=("cancelled", {ENDLESS!r}))
asking.start()
while asking.is_alive() and not one.cancel("cancelled"):
    time.sleep(0.1)
asking.join()
print(json.dumps(told))
"""


def _asking(stack: Stack, service: str) -> bool:
    """Whether the container answers a question of the command line."""
    return "serving.console --ask" in _processes(stack, service)


def _processes(stack: Stack, service: str) -> str:
    name = stack.containers()[service].name
    return subprocess.run(
        ["docker", "top", name, "-eo", "pid,args"], capture_output=True, text=True, check=True
    ).stdout
