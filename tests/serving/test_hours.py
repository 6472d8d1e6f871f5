from datetime import datetime

import numpy as np

from catalog.calendars import NEW_YORK
from serving.bars import SECOND, Interval
from serving.hours import collapsed, day_of, is_closed, opens_next
from serving.times import to_microseconds, to_time

MINUTE = Interval.M1.microseconds
HOUR = Interval.H1.microseconds


def there(text: str) -> int:
    """A time in New York, in microseconds."""
    return to_microseconds(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK))


def closed(*texts: str, interval: Interval = Interval.M1) -> list[tuple[str, str]]:
    """What is collapsed between bars that start then, in New York."""
    starts = np.array([there(text) for text in texts], np.int64)
    return [tuple(shown(end) for end in span) for span in collapsed("AAPL", starts, interval)]


def shown(time: int) -> str:
    return f"{to_time(time).astimezone(NEW_YORK):%m-%d %H:%M}"


def test_the_day_of_a_coin_is_that_of_utc():
    at = to_microseconds("2025-10-13T14:00:00Z")
    start, end = day_of("BINANCE:BTCUSDT", at)
    assert (to_time(start).isoformat(), end - start) == (
        "2025-10-13T00:00:00+00:00",
        24 * HOUR,
    )


def test_the_day_of_a_stock_starts_with_its_session_and_lasts_until_midnight_there():
    start, end = there("2025-10-13T09:30"), there("2025-10-14T00:00")
    for at in (start, start + SECOND, there("2025-10-13T19:59")):
        assert day_of("AAPL", at) == (start, end)


def test_what_trades_before_the_session_is_a_day_of_its_own():
    span = day_of("AAPL", there("2025-10-13T09:29:59"))
    assert span == (there("2025-10-13T00:00"), there("2025-10-13T09:30"))


def test_a_day_without_a_session_is_one_from_midnight_to_midnight():
    saturday = there("2025-10-11T12:00")
    assert day_of("AAPL", saturday) == (there("2025-10-11T00:00"), there("2025-10-12T00:00"))


def test_the_day_is_as_long_as_the_clocks_make_it():
    start, end = day_of("AAPL", there("2025-11-02T12:00"))
    assert end - start == 25 * HOUR


def test_a_night_and_a_weekend_are_collapsed():
    assert closed("2025-10-10T15:59", "2025-10-13T09:30") == [("10-10 16:00", "10-13 09:30")]
    assert closed("2025-10-13T15:59", "2025-10-14T09:30") == [("10-13 16:00", "10-14 09:30")]


def test_a_silence_while_the_market_is_open_is_not_collapsed():
    assert closed("2025-10-13T10:00", "2025-10-13T15:00") == []
    assert closed("2025-10-13T15:00", "2025-10-14T11:00") == [("10-13 16:00", "10-14 09:30")]


def test_trades_of_the_extended_session_are_left_in():
    assert closed("2025-10-13T15:59", "2025-10-13T17:00", "2025-10-14T09:30") == [
        ("10-13 16:00", "10-13 17:00"),
        ("10-13 17:01", "10-14 09:30"),
    ]


def test_a_few_minutes_before_the_open_are_not_collapsed():
    assert closed("2025-10-14T09:20", "2025-10-14T09:30") == []


def test_a_holiday_is_collapsed_like_a_night():
    # Thanksgiving, and a half day after it.
    starts = ("2025-11-26T15:00", "2025-11-28T10:00", "2025-12-01T10:00")
    assert closed(*starts, interval=Interval.H1) == [
        ("11-26 16:00", "11-28 09:30"),
        ("11-28 13:00", "12-01 09:30"),
    ]


def test_days_without_a_bar_are_collapsed_between_daily_bars():
    days = ("2025-10-10", "2025-10-13", "2025-10-14")
    starts = np.array([to_microseconds(f"{day}T00:00:00Z") for day in days], np.int64)
    assert collapsed("AAPL", starts, Interval.D1) == [
        (to_microseconds("2025-10-11T00:00:00Z"), to_microseconds("2025-10-13T00:00:00Z"))
    ]


def test_nothing_is_collapsed_beyond_the_bars_or_of_a_market_that_never_closes():
    assert closed("2025-10-13T16:10", "2025-10-13T16:11") == []
    starts = np.array([there("2025-10-11T10:00"), there("2025-10-13T10:00")], np.int64)
    assert collapsed("BINANCE:BTCUSDT", starts, Interval.M1) == []
    assert collapsed("AAPL", np.array([], np.int64), Interval.M1) == []


def test_what_is_closed_says_when_it_opens():
    saturday = there("2025-10-11T12:00")
    assert is_closed(["AAPL", "MSFT"], saturday)
    assert not is_closed(["AAPL", "BINANCE:BTCUSDT"], saturday)
    assert not is_closed([], saturday)
    assert opens_next(saturday) == "opens Mon 2025-10-13 13:30 UTC, 09:30 in New York"
