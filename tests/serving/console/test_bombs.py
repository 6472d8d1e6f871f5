"""Questions that would take all there is, beside somebody else's small one. Real processes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.errors import QueryError
from serving.console.console import Console
from serving.console.settings import ConsoleSettings
from tests.support.local_lake import Row, local_lake
from tests.support.sql_bombs import BOMBS

pytestmark = pytest.mark.integration

SECONDS = 2.0
LIMITS = ConsoleSettings(
    seconds=SECONDS, rows=1_000, megabytes=1, memory_megabytes=128, threads=1, spares=2, at_once=3
)
# The other side of a killed process, and of a loaded machine's scheduler.
SLACK_SECONDS = 1.0
_T = 1_700_000_000_000_000


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with local_lake(tmp_path_factory.mktemp("lake") / "weed") as lake:
        lake.append([Row("AAPL", _T + i, 100.0 + i, 1.5) for i in range(2_000)])
        with Console(lake.settings, LIMITS) as console:
            yield console


def wait_for_spares(console: Console) -> None:
    console.prepare()
    for runner in list(console._spares):
        runner.wait_ready()


def drop(console: Console, sql: str) -> tuple[str, str, float]:
    """What ended it, in one word and in its own, and after how long."""
    started = time.monotonic()
    try:
        outcome = console.ask("attacker", sql)
    except QueryError as error:
        text = str(error)
        return ended_by(text), text, time.monotonic() - started
    assert outcome.table.num_rows <= LIMITS.rows
    assert outcome.table.nbytes <= LIMITS.most_bytes
    return outcome.cut or "answered", "", time.monotonic() - started


def ended_by(text: str) -> str:
    if "took longer" in text:
        return "time"
    return "memory" if "memory" in text.lower() and "parser" not in text.lower() else "refused"


def test_there_are_enough_of_them():
    assert len(BOMBS) >= 30


@pytest.mark.parametrize("name", BOMBS)
def test_it_ends_within_its_limits_and_holds_nobody_up(console: Console, name: str) -> None:
    sql, endings = BOMBS[name]
    wait_for_spares(console)
    with ThreadPoolExecutor(1) as attacker:
        bomb = attacker.submit(drop, console, sql)
        while "attacker" not in console._running and not bomb.done():
            time.sleep(0.01)
        started = time.monotonic()
        answer = console.ask("user", "SELECT count(*) AS n, max(price) AS top FROM trades")
        took = time.monotonic() - started
        ending, text, seconds = bomb.result(SECONDS + 10)
    assert answer.table.to_pylist() == [{"n": 2_000, "top": 2_099.0}]
    assert took < SECONDS
    # On a busy machine the deadline comes before whatever else would end it.
    assert ending in endings | {"time"}, text
    assert seconds < SECONDS + SLACK_SECONDS
    assert "canary" not in text
