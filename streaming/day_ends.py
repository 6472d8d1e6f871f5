"""When a day's trading ends, by the calendars of the symbols that traded on it: values in and out.

A symbol of an exchange, such as `BINANCE:BTCUSDT`, trades around the clock, and its day ends at
00:00 UTC. A plain one, such as `AAPL`, is a stock in the United States, whose regular session ends
at 16:00 in New York, at 13:00 on half days, and does not take place on holidays of the exchange. A
day of several calendars ends with the last of them.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

SETTLING = timedelta(minutes=5)
"""How long after a day's end its tag is put: what was traded at the last moment, closing auctions
among it, is reported late, sent, and committed by then; and every snapshot is still there."""

TAG_PREFIX = "eod-"

_LOOK_BACK_DAYS = 7
_NEW_YORK = ZoneInfo("America/New_York")
_CLOSE, _EARLY_CLOSE = time(16), time(13)
_SATURDAY = 5


def ends_due(
    symbols_on: Callable[[date], Collection[str]], tags: Collection[str], now: datetime
) -> Iterator[tuple[date, datetime]]:
    """The days of the last week that have ended and settled and have no tag, oldest first.

    Each comes with the time by which what it holds is settled. `symbols_on`, which may cost, is
    only asked of days that may have ended.
    """
    for back in reversed(range(_LOOK_BACK_DAYS + 1)):
        day = now.astimezone(UTC).date() - timedelta(days=back)
        earliest = datetime.combine(day, _EARLY_CLOSE, _NEW_YORK)
        if tag_of(day) in tags or now < earliest + SETTLING:
            continue
        end = day_end(symbols_on(day), day)
        if end is not None and end + SETTLING <= now:
            yield day, end + SETTLING


def day_end(symbols: Collection[str], day: date) -> datetime | None:
    """When the day ends for all of the symbols; None when none of them trades on it."""
    ends = []
    if any(":" in symbol for symbol in symbols):
        ends.append(datetime.combine(day + timedelta(days=1), time(), UTC))
    if any(":" not in symbol for symbol in symbols) and _is_session(day):
        close = _EARLY_CLOSE if day in _half_days(day.year) else _CLOSE
        ends.append(datetime.combine(day, close, _NEW_YORK).astimezone(UTC))
    return max(ends, default=None)


def tag_of(day: date) -> str:
    """The name of the day's tag."""
    return f"{TAG_PREFIX}{day.isoformat()}"


def _is_session(day: date) -> bool:
    return day.weekday() < _SATURDAY and day not in _closed_days(day.year)


@lru_cache(8)
def _closed_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year))


@lru_cache(8)
def _half_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories="half_day"))
