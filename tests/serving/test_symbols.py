import pyarrow as pa
import pytest

from serving.bars import SECOND
from serving.frames import FeedEvent
from serving.symbols import State, coverage, totals
from serving.times import to_microseconds
from tests.support.frames import frame_of

NOW = to_microseconds("2026-01-07T15:00:00Z")
NIGHT = to_microseconds("2026-01-07T05:00:00Z")
NO_SLOT = "probably got no slot: the vendor refused 1 of 3 symbols without naming them"


def said(*rows: tuple[str, str, int, str]) -> pa.Table:
    """What the producer said of symbols: symbol, kind, when (microseconds), detail."""
    names = ("symbol", "kind", "to_us", "detail")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def state_of(
    heard_seconds_ago: int | None, *words: tuple[str, int, str], now: int = NOW, symbol: str = "X:Y"
) -> State:
    heard = {} if heard_seconds_ago is None else {symbol: now - heard_seconds_ago * SECOND}
    told = [(symbol, kind, now - ago * SECOND, detail) for kind, ago, detail in words]
    (found,) = coverage(frame_of({}, heard), said(*told), now)
    return found.state


@pytest.mark.parametrize(
    ("heard", "words", "state"),
    [
        (5, (), State.TRADING),
        (5, (("silent", 100, "no trade for 600 s"),), State.TRADING),
        (90, (), State.QUIET),
        (900, (("subscribed", 7200, ""), ("silent", 300, "no trade for 600 s")), State.SILENT),
        (900, (("silent", 3600, "an older silence"),), State.QUIET),
        (None, (("error", 60, NO_SLOT),), State.REFUSED),
        (900, (("silent", 300, ""), ("error", 200, NO_SLOT)), State.REFUSED),
        (5, (("error", 200, NO_SLOT),), State.TRADING),
        (None, (("silent", 60, ""),), State.SILENT),
    ],
)
def test_the_newest_word_or_trade_decides(heard, words, state):
    assert state_of(heard, *words) is state


def test_a_stock_in_the_night_is_closed_and_not_silent():
    silent = ("silent", 300, "no trade for 600 s; a closed market looks the same")
    assert state_of(900, silent, now=NIGHT, symbol="AAPL") is State.CLOSED
    assert state_of(900, silent, now=NIGHT) is State.SILENT


def test_gaps_of_the_feed_are_every_symbols():
    gaps = ((NOW - 100_000 * SECOND, NOW - 90_000 * SECOND), (NOW - 50 * SECOND, NOW - 40 * SECOND))
    frame = frame_of({}, {"A": NOW, "B": NOW}, gaps=gaps)
    missed = {one.name: one.missed_seconds for one in coverage(frame, said(), NOW)}
    assert missed == {"A": 10.0, "B": 10.0}


def test_a_disconnect_that_lasts_is_a_gap_that_grows():
    event = FeedEvent("disconnected", "cut", NOW - 30 * SECOND)
    frame = frame_of({}, {"A": NOW - 31 * SECOND}, feed=event)
    (one,) = coverage(frame, said(), NOW)
    assert one.missed_seconds == 30.0


def test_symbols_that_never_traded_are_there_once_they_were_spoken_of():
    frame = frame_of({}, {"A": NOW})
    found = coverage(frame, said(("B", "error", NOW, NO_SLOT)), NOW)
    assert [(one.name, one.heard_at, one.why) for one in found] == [
        ("A", NOW, ""),
        ("B", None, NO_SLOT),
    ]
    assert totals(found) == {State.TRADING: 1, State.REFUSED: 1}
