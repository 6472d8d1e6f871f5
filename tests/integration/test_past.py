"""Frames of past moments against what the live market showed when they were the newest."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from catalog.errors import MomentError
from catalog.moments import Moment
from serving import reading
from serving.asof import Past
from serving.bars import SECOND, Interval
from serving.console.console import Console
from serving.console.settings import ConsoleSettings
from serving.examples import EXAMPLES
from serving.frames import KEPT, Frame
from serving.history import history
from serving.lake import Lake
from serving.live import LiveMarket
from serving.shared_lake import SharedLake
from serving.snapshots import symbols_added
from serving.times import to_time
from tests.support.compaction import compact, expire
from tests.support.local_lake import LocalLake, Row, local_lake

pytestmark = pytest.mark.integration

_T = 1_700_000_000 * SECOND
# The first hour is then older than what a frame holds at once, and still within its two days.
_HOURS = 40


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("past") / "weed") as lake:
        yield lake


@pytest.fixture
def writer(written: LocalLake) -> LocalLake:
    written.reset()
    return written


@pytest.fixture
def past(writer: LocalLake) -> Past:
    return Past(SharedLake(writer.settings))


def rows(hour: int, count: int = 40) -> list[Row]:
    """Trades of two symbols and an hour, every third of them a little late."""
    made = []
    for i in range(count):
        symbol, place = (("AAPL", 0), ("BINANCE:BTCUSDT", 1))[i % 2]
        late = 400 if i % 3 == 0 else 0
        time = _T + (hour * 3600 + i * 3600 // count - late) * SECOND
        price = 100 + hour + (i * 7 % 11) / 4
        codes = (None, (1,), (1, 12))[i % 3]
        received = _T + (hour * 3600 + i) * SECOND
        made.append(Row(symbol, time, price, 1.0 + i, codes, place, received_at=received))
    return made


def settle(market: LiveMarket) -> Frame:
    while market.step() == 0:
        pass
    return market.frame


def shown(frame: Frame) -> dict[str, object]:
    """All of a frame that does not depend on when it was made."""
    tape = [replace(row, serial=0) for row in frame.tape]
    bars = {
        (symbol, interval): list(frame.bars(symbol, interval))
        for symbol in frame.quotes
        for interval in Interval
    }
    return {"quotes": frame.quotes, "tape": tape, "bars": bars, "position": frame.position}


def frame_at(past: Past, writer: LocalLake, moment: Moment) -> Frame:
    return past.frame(SharedLake(writer.settings).resolve(moment))


def test_a_past_frame_is_what_the_live_market_showed_then(writer: LocalLake, past: Past) -> None:
    live = {}
    for hour in (0, 1, _HOURS, _HOURS + 1):
        snapshot_id = writer.append(rows(hour))
        # Begun anew each time, as a market that has followed forgets what is too old.
        market = LiveMarket(writer.settings)
        live[snapshot_id] = settle(market)
        market.stop()
    compact(writer.trades)
    writer.append([Row("CANARY", _T + 99 * 3600 * SECOND, 7.77, 1.0)])
    for snapshot_id, frame in live.items():
        found = frame_at(past, writer, Moment(snapshot_id=snapshot_id))
        assert shown(found) == shown(frame)
        assert found.as_of == found.position.committed_at
        assert found.version != frame.version
        assert set(found.kept_bars) == set(frame.kept_bars)
        assert set(found.kept_bars["AAPL"]) == set(KEPT)


def test_nothing_newer_than_the_moment_is_in_its_frame(writer: LocalLake, past: Past) -> None:
    before = writer.append(rows(0))
    # Into a bar that was there already, and on the tape of a symbol that was.
    writer.append([Row("AAPL", _T + 60 * SECOND, 777.77, 1.0), Row("CANARY", _T, 7.77, 1.0)])
    frame = frame_at(past, writer, Moment(snapshot_id=before))
    assert "CANARY" not in frame.quotes
    assert "CANARY" not in frame.kept_bars
    assert all(row.price != 777.77 for row in frame.tape)
    for interval in Interval:
        assert all(bar.high is None or bar.high < 777 for bar in frame.bars("AAPL", interval))


def test_older_bars_are_read_when_somebody_looks(
    writer: LocalLake, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.append(rows(0))
    # Enough minutes of either symbol in the newest piece for what its quote is made of.
    writer.append(rows(_HOURS - 1, 240))
    moment = Moment(snapshot_id=writer.append(rows(_HOURS, 240)))
    asked = []
    monkeypatch.setattr(
        "serving.asof.load",
        lambda market, trades, requests: (
            asked.extend(requests),
            reading.load(market, trades, requests),
        ),
    )
    frame = frame_at(past, writer, moment)
    assert asked == []
    assert frame.bars("AAPL", Interval.M1)[0].start < _T + 3600 * SECOND
    assert {(one.symbol, one.interval) for one in asked} == {("AAPL", Interval.M1)}
    frame.bars("AAPL", Interval.M5)
    assert len(asked) == len(set(asked))
    assert list(frame.bars("NONE", Interval.M1)) == []


def test_a_frame_is_made_once_for_each_moment(writer: LocalLake, past: Past) -> None:
    snapshot_id = writer.append(rows(0))
    by_id = frame_at(past, writer, Moment(snapshot_id=snapshot_id))
    assert by_id.as_of is not None
    assert frame_at(past, writer, Moment(time=to_time(by_id.as_of))) is by_id


def test_an_empty_table_is_an_empty_frame(writer: LocalLake, past: Past) -> None:
    first = writer.trades.metadata.snapshots[0].snapshot_id
    writer.append(rows(0))
    frame = frame_at(past, writer, Moment(snapshot_id=first))
    assert (frame.state, dict(frame.quotes), frame.tape) == ("empty", {}, ())


def test_a_moment_that_expires_says_so_unless_it_is_kept(writer: LocalLake, past: Past) -> None:
    lake = SharedLake(writer.settings)
    kept, gone, _ = (writer.append(rows(hour)) for hour in range(3))
    moments = {one: lake.resolve(Moment(snapshot_id=one)) for one in (kept, gone)}
    frame = past.frame(moments[kept])
    expire(writer.trades, kept, gone)
    assert past.frame(moments[kept]) is frame
    with pytest.raises(MomentError, match="expired"):
        past.frame(moments[gone])


def test_an_answer_stands_at_its_moment(writer: LocalLake, past: Past) -> None:
    lake = SharedLake(writer.settings)
    moments = [lake.resolve(Moment(snapshot_id=writer.append(rows(hour)))) for hour in range(2)]
    counts = [past.ask(moment, "SELECT count(*) AS n FROM trades", ()) for moment in moments]
    assert [table["n"].to_pylist() for table in counts] == [[40], [80]]
    again = past.ask(moments[0], "SELECT count(*) AS n FROM trades", ())
    assert again is counts[0]


def test_the_rows_of_a_commit_are_told_by_symbol(writer: LocalLake) -> None:
    writer.append(rows(0, 5))
    more = writer.append([Row("MSFT", _T, 1.0, 1.0), *rows(1, 5)])
    told = symbols_added(writer.trades, more).to_pylist()
    assert [tuple(row.values()) for row in told] == [
        ("AAPL", 3),
        ("BINANCE:BTCUSDT", 2),
        ("MSFT", 1),
    ]


def test_a_bars_history_ends_at_the_moment(writer: LocalLake) -> None:
    rows_of_one_bar = [Row("AAPL", _T + i * SECOND, 100.0 + i, 1.0) for i in range(3)]
    first, second, third = (writer.append([row]) for row in rows_of_one_bar)
    with Lake.open(writer.settings) as lake:
        whole = history(lake, "AAPL", "2023-11-14T22:13:20Z")
        assert [step.snapshot.snapshot_id for step in whole] == [first, second, third]
        cut = history(lake, "AAPL", "2023-11-14T22:13:20Z", until=lake.resolve(str(second)))
        assert [step.snapshot.snapshot_id for step in cut] == [first, second]
        assert cut == whole[:2]


@pytest.fixture(scope="module")
def console(written: LocalLake) -> Iterator[Console]:
    with Console(written.settings, ConsoleSettings(_env_file=None)) as made:
        yield made


@pytest.mark.parametrize("title", EXAMPLES)
def test_every_example_runs(written: LocalLake, console: Console, title: str) -> None:
    written.append(rows(0))
    outcome = console.ask("tester", EXAMPLES[title])
    assert outcome.cut == ""
    assert outcome.table.num_columns > 0
