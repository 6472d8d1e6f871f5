from dataclasses import replace
from itertools import pairwise

import pytest

from catalog.errors import SettingsError
from serving.alerts import (
    QUIET_SECONDS,
    TERMS,
    Alert,
    Evidence,
    Judge,
    Kind,
    Reading,
    check,
    prices_through,
    read,
)
from serving.bars import SECOND, Interval
from serving.frames import Quote
from serving.hours import is_closed
from serving.times import to_microseconds
from tests.support.frames import bar, frame_of

# A Wednesday, in New York's session.
NOW = to_microseconds("2026-01-07T15:00:00Z")
NIGHT = to_microseconds("2026-01-07T05:00:00Z")
MINUTE = 60 * SECOND
EMPTY = frame_of({}, {"AAPL": NOW})
PRICE = Alert(Kind.PRICE, 100.0, "AAPL", id=1)


def seen(*prices: float, now: int = NOW) -> Evidence:
    return Evidence(EMPTY, now, prices={"AAPL": prices})


@pytest.mark.parametrize(
    ("prices", "holds"),
    [
        ((99.0, 101.0), True),
        ((101.0, 99.0), True),
        ((99.0, 100.0), True),  # reached
        ((101.0, 100.0), True),
        ((100.0, 101.0), False),  # it was there already
        ((99.0, 99.9), False),
        ((99.0, 101.0, 99.0), True),  # there and back within one look
        ((99.0,), False),
        ((), False),
    ],
)
def test_a_price_crosses_from_either_side(prices, holds):
    assert read(PRICE, seen(*prices)).holds is holds


def test_a_crossing_says_from_where_to_where():
    assert read(PRICE, seen(99.5, 101.25)).text == "AAPL went from 99.5 to 101.25"
    assert read(PRICE, seen()).text == "at 100"


def moving(*closes: float) -> Evidence:
    bars = [bar(NOW - (len(closes) - i) * 10 * SECOND, price) for i, price in enumerate(closes)]
    frame = frame_of({"AAPL": {Interval.S1: bars}}, {"AAPL": bars[-1].start + SECOND})
    return Evidence(frame, NOW)


@pytest.mark.parametrize(
    ("closes", "holds"), [((100, 101.1), True), ((100, 98.9), True), ((100, 105, 100.5), False)]
)
def test_a_move_is_from_the_first_to_the_last_price_of_the_window(closes, holds):
    assert read(Alert(Kind.MOVE, 1.0, "AAPL", 60), moving(*closes)).holds is holds


def test_a_move_before_the_window_is_none():
    closes = (50.0, *([100.0] * 8))
    assert not read(Alert(Kind.MOVE, 1.0, "AAPL", 60), moving(*closes)).holds
    assert read(Alert(Kind.MOVE, 1.0, "AAPL", 300), moving(*closes)).holds


def trading(usual: float, burst: float, minutes: int = 60) -> Evidence:
    last = NOW - NOW % MINUTE
    before = [bar(last - (i + 1) * MINUTE, 100.0, usual) for i in range(minutes, 0, -1)]
    seconds = [bar(last - 30 * SECOND, 100.0, burst)]
    frame = frame_of({"AAPL": {Interval.S1: seconds, Interval.M1: before}}, {"AAPL": last})
    return Evidence(frame, NOW)


def test_a_burst_is_measured_by_the_hour_before():
    alert = Alert(Kind.VOLUME, 5.0, "AAPL", 60)
    assert read(alert, trading(10.0, 51.0)).holds
    assert not read(alert, trading(10.0, 49.0)).holds
    assert read(alert, trading(10.0, 51.0)).text == "5.1 times the usual volume of 1 min"


def test_a_burst_needs_some_history():
    reading = read(Alert(Kind.VOLUME, 5.0, "AAPL", 60), trading(10.0, 500.0, minutes=5))
    assert reading == Reading(False, "not enough history yet")


def test_a_gap_is_told_once_and_remembered():
    alert = Alert(Kind.GAP, 5.0)
    gap = (NOW - 10 * SECOND, NOW)
    assert read(alert, Evidence(EMPTY, NOW, gaps=[gap])).holds
    assert not read(alert, Evidence(EMPTY, NOW, gaps=[(NOW - 4 * SECOND, NOW)])).holds
    later = read(alert, Evidence(replace(EMPTY, gaps=(gap,)), NOW))
    assert later == Reading(False, "last: 10.0 s until 2026-01-07 15:00:00 UTC")


def silence(seconds: int, symbol: str = "AAPL", now: int = NOW) -> Evidence:
    return Evidence(frame_of({}, {symbol: now - seconds * SECOND}), now)


@pytest.mark.parametrize("symbol", ["", "AAPL"])
def test_a_feed_is_stale_after_so_many_seconds(symbol):
    alert = Alert(Kind.STALE, 60.0, symbol)
    assert read(alert, silence(60)).holds
    assert not read(alert, silence(59)).holds
    assert read(alert, silence(60)).text == "last trade 60 s ago"


def test_a_closed_market_is_not_stale():
    reading = read(Alert(Kind.STALE, 60.0), silence(3600, now=NIGHT))
    assert reading == Reading(False, "the market is closed")
    assert read(Alert(Kind.STALE, 60.0), silence(3600, "BINANCE:BTCUSDT", NIGHT)).holds


def test_the_night_is_no_silence_of_the_morning_after():
    opened = to_microseconds("2026-01-07T14:30:00Z")
    evidence = Evidence(frame_of({}, {"AAPL": NIGHT}), opened + 59 * SECOND)
    assert not read(Alert(Kind.STALE, 60.0), evidence).holds
    assert read(Alert(Kind.STALE, 60.0), replace(evidence, now=opened + 60 * SECOND)).holds


def test_received_times_count_and_not_the_venues():
    # A recording's trades happened long ago.
    frame = frame_of({}, {"AAPL": NOW - 10**15}, received_to={"AAPL": NOW - 5 * SECOND})
    assert not read(Alert(Kind.STALE, 60.0, "AAPL"), Evidence(frame, NOW)).holds


def test_rejections_are_counted_over_the_window():
    evidence = Evidence(EMPTY, NOW, rejections=[(NOW - 301 * SECOND, 100), (NOW - SECOND, 9)])
    assert not read(Alert(Kind.REJECTED, 2.0, window_seconds=300), evidence).holds
    assert read(Alert(Kind.REJECTED, 1.8, window_seconds=300), evidence).holds
    assert read(Alert(Kind.REJECTED, 20.0, window_seconds=900), evidence).text == (
        "109 within 15 min: 7.27 a minute"
    )


@pytest.mark.parametrize("kind", Kind)
def test_an_alert_about_a_symbol_without_trades_does_not_hold(kind):
    terms = TERMS[kind]
    symbol = "NONE" if terms.symbol is not False else ""
    alert = check(Alert(kind, terms.default, symbol, terms.windows[0] if terms.windows else 0))
    assert not read(alert, Evidence(frame_of({}, {}), NOW)).holds


@pytest.mark.parametrize(
    "alert",
    [
        Alert(Kind.PRICE, float("nan"), "AAPL"),
        Alert(Kind.PRICE, float("inf"), "AAPL"),
        Alert(Kind.PRICE, 0.0, "AAPL"),
        Alert(Kind.PRICE, 1.0),
        Alert(Kind.PRICE, 1.0, "<b>"),
        Alert(Kind.PRICE, 1.0, "AAPL", 60),
        Alert(Kind.MOVE, 1.0, "AAPL", 61),
        Alert(Kind.GAP, 1.0, "AAPL"),
        Alert(Kind.STALE, 1.0),
    ],
)
def test_what_cannot_be_asked_for_is_refused(alert):
    with pytest.raises(SettingsError, match=TERMS[alert.kind].title):
        check(alert)


def test_only_what_sets_a_last_price_moves_it():
    before = Quote("AAPL", 100.0, 10, 0, None, ())
    trades = [
        {
            "event_us": 12,
            "kafka_partition": 0,
            "kafka_offset": 3,
            "price": 101.0,
            "conditions": [1],
        },
        {
            "event_us": 11,
            "kafka_partition": 0,
            "kafka_offset": 4,
            "price": 102.0,
            "conditions": None,
        },
        {"event_us": 13, "kafka_partition": 0, "kafka_offset": 5, "price": 9.0, "conditions": [12]},
        {"event_us": 9, "kafka_partition": 0, "kafka_offset": 6, "price": 8.0, "conditions": [1]},
    ]
    assert prices_through(before, trades) == [100.0, 102.0, 101.0]
    assert prices_through(None, trades) == [8.0, 102.0, 101.0]


def test_an_alert_is_told_when_it_begins_and_ends():
    judge, stale = Judge({}), Alert(Kind.STALE, 60.0, id=1)
    assert judge.look([stale], silence(10)) == []
    (fired,) = judge.look([stale], silence(60))
    assert fired.fired
    assert judge.look([stale], silence(61)) == []
    (ended,) = judge.look([stale], silence(0))
    assert not ended.fired
    assert judge.readings[1].text == "last trade 0 s ago"


def test_a_flutter_is_told_once_a_minute():
    judge = Judge({})
    times = []
    for second in range(4 * QUIET_SECONDS):
        prices = (99.0, 101.0) if second % 2 else (101.0,)
        changes = judge.look([PRICE], seen(*prices, now=NOW + second * SECOND))
        times += [second for change in changes if change.fired]
    assert len(times) == 4
    assert all(after - before >= QUIET_SECONDS for before, after in pairwise(times))


def test_what_held_before_a_restart_is_not_told_again():
    stale = Alert(Kind.STALE, 60.0, id=1)
    judge = Judge({1: NOW - 3600 * SECOND})
    assert judge.look([stale], silence(3700)) == []
    (ended,) = judge.look([stale], silence(1))
    assert not ended.fired


def test_a_paused_alert_does_not_hold():
    stale = Alert(Kind.STALE, 60.0, id=1)
    judge = Judge({})
    judge.look([stale], silence(60))
    assert judge.look([replace(stale, enabled=False)], silence(61)) == []
    assert judge.readings == {}
    later = silence(200, now=NOW + 2 * QUIET_SECONDS * SECOND)
    (fired,) = judge.look([stale], later)
    assert fired.fired


@pytest.mark.parametrize(
    ("symbols", "now", "closed"),
    [
        (("AAPL",), NOW, False),
        (("AAPL",), NIGHT, True),
        (("AAPL", "BINANCE:BTCUSDT"), NIGHT, False),
        ((), NIGHT, False),
    ],
)
def test_a_market_is_closed_when_all_are(symbols, now, closed):
    assert is_closed(symbols, now) is closed


def test_alerts_are_told_in_words():
    assert [
        alert.words
        for alert in (
            Alert(Kind.PRICE, 97_500.5, "BINANCE:BTCUSDT"),
            Alert(Kind.MOVE, 2.5, "AAPL", 3600),
            Alert(Kind.VOLUME, 5, "AAPL", 60),
            Alert(Kind.GAP, 10),
            Alert(Kind.STALE, 60, "AAPL"),
            Alert(Kind.STALE, 60),
            Alert(Kind.REJECTED, 1, window_seconds=300),
        )
    ] == [
        "BINANCE:BTCUSDT crosses 97,500.5",
        "AAPL moves 2.5 % within 1 h",
        "AAPL trades 5 times its usual volume within 1 min",
        "a gap of 10 s or longer in the feed",
        "no trade of AAPL for 60 s",
        "no trade for 60 s",
        "1 rejected a minute, over 5 min",
    ]
