from datetime import UTC, date, datetime, timedelta

import pytest

from streaming.day_ends import SETTLING, day_end, ends_due, tag_of

STOCKS = ("AAPL", "TSLA")
CRYPTO = ("BINANCE:BTCUSDT",)
BOTH = (*CRYPTO, *STOCKS)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("symbols", "day", "end"),
    [
        (STOCKS, "2026-01-05", "2026-01-05T21:00"),  # winter
        (STOCKS, "2026-07-06", "2026-07-06T20:00"),  # summer
        (STOCKS, "2026-11-27", "2026-11-27T18:00"),  # the day after Thanksgiving closes early
        (STOCKS, "2026-12-24", "2026-12-24T18:00"),
        (STOCKS, "2026-11-26", None),  # Thanksgiving
        (STOCKS, "2026-04-03", None),  # Good Friday
        (STOCKS, "2025-01-09", None),  # a day of mourning, of no rule
        (STOCKS, "2026-01-10", None),  # Saturday
        (STOCKS, "2026-01-11", None),  # Sunday
        (CRYPTO, "2026-01-10", "2026-01-11T00:00"),
        (CRYPTO, "2026-12-31", "2027-01-01T00:00"),
        (BOTH, "2026-01-05", "2026-01-06T00:00"),
        (BOTH, "2026-01-10", "2026-01-11T00:00"),
        ((), "2026-01-05", None),
    ],
)
def test_a_day_ends_with_the_last_of_its_calendars(symbols, day, end):
    assert day_end(symbols, date.fromisoformat(day)) == (end and utc(end))


def test_a_day_is_due_once_it_has_settled():
    settled = utc("2026-01-05T21:00") + SETTLING
    day = date(2026, 1, 5)
    assert day not in dict(ends_due(lambda day: STOCKS, (), settled - timedelta(seconds=1)))
    assert dict(ends_due(lambda day: STOCKS, (), settled))[day] == settled


def test_a_day_that_has_its_tag_is_not_due():
    now = utc("2026-01-06T12:00")
    assert tag_of(date(2026, 1, 5)) == "eod-2026-01-05"
    assert date(2026, 1, 5) not in dict(ends_due(lambda day: STOCKS, {"eod-2026-01-05"}, now))


def test_symbols_are_only_asked_of_days_that_may_be_due():
    asked = []
    list(ends_due(lambda day: asked.append(day) or (), {"eod-2026-01-08"}, utc("2026-01-09T12:00")))
    assert asked == [date(2026, 1, number) for number in (2, 3, 4, 5, 6, 7)]


def test_days_of_the_last_week_are_caught_up_with_oldest_first():
    days = [day for day, _ in ends_due(lambda day: STOCKS, (), utc("2026-01-12T12:00"))]
    # New Year's Day was a Thursday and the week before is left alone.
    assert days == [date(2026, 1, number) for number in (5, 6, 7, 8, 9)]
