"""What a console does on a real lake, in this process and as a service: the same."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from pydantic import SecretStr

from catalog.errors import MomentError, QueryError
from catalog.moments import Moment
from serving.console.access import AnyConsole, open_console
from serving.console.console import Console
from serving.console.server import serve
from serving.console.settings import ConsoleServiceSettings, ConsoleSettings
from tests.support.consoles import ENDLESS
from tests.support.local_lake import LocalLake, Row, local_lake

pytestmark = pytest.mark.integration

LIMITS = ConsoleSettings(seconds=20, rows=500, megabytes=1, memory_megabytes=128, at_once=2)
_T = 1_700_000_000_000_000


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("lake") / "weed") as lake:
        lake.append([Row("AAPL", _T + i, 100.0 + i, 1.5, (1, 12)) for i in range(300)])
        lake.append([Row("MSFT", _T + i, 200.0 + i, 2.5) for i in range(300)])
        yield lake


@pytest.fixture(scope="module", params=["in this process", "a service"])
def console(request: pytest.FixtureRequest, lake: LocalLake) -> Iterator[AnyConsole]:
    token = SecretStr("token-of-the-console")
    with Console(lake.settings, LIMITS) as behind, serve(behind, "127.0.0.1", 0, token) as port:
        url = f"http://127.0.0.1:{port}" if request.param == "a service" else ""
        one = open_console(lake.settings, LIMITS, ConsoleServiceSettings(url=url, token=token))
        one.prepare()
        yield one
        one.close()


def rows(console: AnyConsole, sql: str, **options: object) -> list[dict[str, object]]:
    return console.ask("somebody", sql, **options).table.to_pylist()


def test_the_newest_rows_and_those_of_a_moment_are_answered(console, lake):
    count = "SELECT count(*) AS n FROM trades"
    first, second = lake.trades.metadata.snapshots[-2:]
    assert rows(console, count) == [{"n": 600}]
    assert rows(console, count, as_of=Moment(snapshot_id=first.snapshot_id)) == [{"n": 300}]
    time = datetime.fromtimestamp(second.timestamp_ms / 1000).astimezone()
    assert rows(console, count, as_of=Moment(time=time)) == [{"n": 600}]


@pytest.mark.parametrize("moment", [Moment(snapshot_id=1), Moment(tag="nobody-made-it")])
def test_a_moment_that_is_not_there_is_said_to_be_none(console, moment):
    with pytest.raises(MomentError):
        console.ask("somebody", "SELECT count(*) FROM trades", moment)


def test_every_type_comes_back_as_it_is(console):
    (row,) = rows(
        console,
        "SELECT symbol, event_time, price, conditions, ?::DECIMAL(38, 12) AS d, {'a': 1} AS s,"
        " NULL AS nothing FROM trades ORDER BY price LIMIT 1",
        parameters=["1.25"],
    )
    assert (row["symbol"], row["price"], row["conditions"]) == ("AAPL", 100.0, [1, 12])
    assert isinstance(row["event_time"], datetime)
    assert (str(row["d"]), row["s"], row["nothing"]) == ("1.250000000000", {"a": 1}, None)


def test_an_answer_is_cut_and_says_so(console):
    many = "SELECT * FROM range(100000)"
    assert console.ask("somebody", many).cut == "rows"
    assert console.ask("somebody", many, rows=7).table.num_rows == 7
    assert console.ask("somebody", "SELECT repeat('x', 100000) FROM range(400)").cut == "bytes"


def test_the_deadline_and_the_gate_are_query_errors(console):
    with pytest.raises(QueryError, match="longer than 1 s"):
        console.ask("somebody", ENDLESS, seconds=1)
    with pytest.raises(QueryError, match="read_text is not allowed"):
        console.ask("somebody", "SELECT * FROM read_text('/etc/passwd')")
