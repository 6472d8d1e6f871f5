"""When symbols trade: around the clock, or in the sessions of the New York Stock Exchange.

A symbol of an exchange, such as `BINANCE:BTCUSDT`, trades around the clock. A plain one, such as
`AAPL`, is a stock in the United States: its regular session is from 9:30 to 16:00 in New York, to
13:00 on half days, and does not take place on weekends and the exchange's holidays.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

NEW_YORK = ZoneInfo("America/New_York")
EARLY_CLOSE = time(13)

_OPEN, _CLOSE = time(9, 30), time(16)
_SATURDAY = 5
# The exchange was last closed for longer in 2001.
_LONGEST_BREAK_DAYS = 10


@dataclass(frozen=True, slots=True)
class Session:
    """A regular session, in UTC: `opens <= time < closes`."""

    opens: datetime
    closes: datetime


def is_around_the_clock(symbol: str) -> bool:
    """Whether the symbol's market never closes."""
    return ":" in symbol


def session_of(day: date) -> Session | None:
    """The exchange's session on a day of New York; None where there is none."""
    if day.weekday() >= _SATURDAY or day in _closed_days(day.year):
        return None
    close = EARLY_CLOSE if day in _half_days(day.year) else _CLOSE
    opens, closes = (datetime.combine(day, at, NEW_YORK).astimezone(UTC) for at in (_OPEN, close))
    return Session(opens, closes)


def session_from(moment: datetime) -> Session | None:
    """The session that is on at the moment, else the next one."""
    first = moment.astimezone(NEW_YORK).date()
    days = (first + timedelta(days=number) for number in range(_LONGEST_BREAK_DAYS))
    return next((s for day in days if (s := session_of(day)) and moment < s.closes), None)


@lru_cache(8)
def _closed_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year))


@lru_cache(8)
def _half_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories="half_day"))
