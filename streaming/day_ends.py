"""When a day's trading ends, by the calendars of the symbols that traded on it: values in and out.

The day of a symbol that trades around the clock ends at 00:00 UTC, that of a stock with its regular
session (`catalog.calendars`). A day of several calendars ends with the last of them.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta

from catalog.calendars import EARLY_CLOSE, NEW_YORK, is_around_the_clock, session_of

SETTLING = timedelta(minutes=5)
"""How long after a day's end its tag is put: what was traded at the last moment, closing auctions
among it, is reported late, sent, and committed by then; and every snapshot is still there."""

TAG_PREFIX = "eod-"

_LOOK_BACK_DAYS = 7


def ends_due(
    symbols_on: Callable[[date], Collection[str]], tags: Collection[str], now: datetime
) -> Iterator[tuple[date, datetime]]:
    """The days of the last week that have ended and settled and have no tag, oldest first.

    Each comes with the time by which what it holds is settled. `symbols_on`, which may cost, is
    only asked of days that may have ended.
    """
    for back in reversed(range(_LOOK_BACK_DAYS + 1)):
        day = now.astimezone(UTC).date() - timedelta(days=back)
        earliest = datetime.combine(day, EARLY_CLOSE, NEW_YORK)
        if tag_of(day) in tags or now < earliest + SETTLING:
            continue
        end = day_end(symbols_on(day), day)
        if end is not None and end + SETTLING <= now:
            yield day, end + SETTLING


def day_end(symbols: Collection[str], day: date) -> datetime | None:
    """When the day ends for all of the symbols; None when none of them trades on it."""
    ends = []
    if any(is_around_the_clock(symbol) for symbol in symbols):
        ends.append(datetime.combine(day + timedelta(days=1), time(), UTC))
    session = session_of(day)
    if session and not all(is_around_the_clock(symbol) for symbol in symbols):
        ends.append(session.closes)
    return max(ends, default=None)


def tag_of(day: date) -> str:
    """The name of the day's tag."""
    return f"{TAG_PREFIX}{day.isoformat()}"
