from datetime import UTC, date, datetime

import pytest

from catalog.calendars import Session, is_around_the_clock, session_from, session_of


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2026-01-05", "2026-01-05T14:30", "2026-01-05T21:00"),  # winter
        ("2026-07-06", "2026-07-06T13:30", "2026-07-06T20:00"),  # summer
        ("2026-11-27", "2026-11-27T14:30", "2026-11-27T18:00"),  # half a day
    ],
)
def test_a_session_is_told_in_utc(day, opens, closes):
    assert session_of(date.fromisoformat(day)) == Session(utc(opens), utc(closes))


@pytest.mark.parametrize("day", ["2026-01-10", "2026-01-11", "2026-11-26", "2026-04-03"])
def test_there_is_none_on_weekends_and_holidays(day):
    assert session_of(date.fromisoformat(day)) is None


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-01-05T14:29:59", "2026-01-05T14:30"),  # before the open
        ("2026-01-05T14:30", "2026-01-05T14:30"),  # at it
        ("2026-01-05T20:59:59", "2026-01-05T14:30"),  # it is on
        ("2026-01-05T21:00", "2026-01-06T14:30"),  # at the close
        ("2026-01-06T02:00", "2026-01-06T14:30"),  # still the day before in New York
        ("2026-04-02T20:00", "2026-04-06T13:30"),  # over Good Friday and a weekend
    ],
)
def test_the_session_that_is_on_or_the_next_one_is_found(moment, opens):
    found = session_from(utc(moment))
    assert found is not None
    assert found.opens == utc(opens)


def test_a_symbol_of_an_exchange_trades_around_the_clock():
    assert is_around_the_clock("BINANCE:BTCUSDT")
    assert not is_around_the_clock("AAPL")
