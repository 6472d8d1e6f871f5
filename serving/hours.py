"""Days and closed hours of a symbol, in microseconds, as charts and quotes need them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from catalog.calendars import NEW_YORK, is_around_the_clock, session_from, session_of
from serving.bars import Interval
from serving.times import to_microseconds, to_time

Span = tuple[int, int]
"""From and to: `start <= time < end`."""

# Shorter holes stay: a few trades before the open are not to be pushed onto each other.
_SHORTEST_COLLAPSED = Interval.M15.microseconds
# A weekend between two holidays; what is closed for longer is drawn as a hole.
_LONGEST_BREAK = timedelta(days=5)


def day_of(symbol: str, at: int) -> Span:
    """The day that a time belongs to: what changes, volume and VWAP are counted from.

    Around the clock it is the UTC day. A stock's starts with its regular session; what trades
    before, from midnight in New York, is a day of its own.
    """
    if is_around_the_clock(symbol):
        start = Interval.D1.start_of(at)
        return start, start + Interval.D1.microseconds
    day = to_time(at).astimezone(NEW_YORK).date()
    midnight, next_midnight = (
        to_microseconds(datetime.combine(day + timedelta(days=number), time(), NEW_YORK))
        for number in (0, 1)
    )
    session = session_of(day)
    if session is None:
        return midnight, next_midnight
    opens = to_microseconds(session.opens)
    return (opens, next_midnight) if at >= opens else (midnight, opens)


def is_closed(symbols: Iterable[str], now: int) -> bool:
    """Whether none of the symbols has a market that is open now (microseconds)."""
    known = list(symbols)
    if not known or any(is_around_the_clock(symbol) for symbol in known):
        return False
    session = session_from(to_time(now))
    return session is None or to_microseconds(session.opens) > now


def opens_next(now: int) -> str:
    """In words, when the exchange opens next, for a time at which it is closed."""
    session = session_from(to_time(now))
    if session is None:
        return "it does not open soon"
    there = session.opens.astimezone(NEW_YORK)
    return f"opens {session.opens:%a %Y-%m-%d %H:%M} UTC, {there:%H:%M} in New York"


def collapsed(symbol: str, starts: NDArray[np.int64], interval: Interval) -> list[Span]:
    """Where a chart of bars with these starts leaves time out: the market was closed, and no trade.

    None for a symbol that trades around the clock: there a hole is a silence, and shown as one.
    """
    if is_around_the_clock(symbol) or not len(starts):
        return []
    width, (oldest, newest) = interval.microseconds, (int(starts[0]), int(starts[-1]))
    holes: list[Span] = []
    for closes, opens in _closed(oldest, newest):
        # Extended hours: what trades while the market is closed cuts its hole in pieces.
        inside = starts[(starts > closes - width) & (starts < opens)].tolist()
        holes += zip([closes, *(start + width for start in inside)], [*inside, opens], strict=True)
    shortest = max(_SHORTEST_COLLAPSED, width)
    return [
        (start, end)
        for start, end in holes
        if end - start >= shortest and start >= oldest and end <= newest
    ]


def _closed(start: int, end: int) -> Iterator[Span]:
    """The times between sessions that lie, at least in part, between `start` and `end`."""
    day = to_time(start).astimezone(NEW_YORK).date() - _LONGEST_BREAK
    last = to_time(end).astimezone(NEW_YORK).date() + _LONGEST_BREAK
    sessions = []
    while day <= last:
        if session := session_of(day):
            sessions.append(session)
        day += timedelta(days=1)
    for one, following in pairwise(sessions):
        closes, opens = to_microseconds(one.closes), to_microseconds(following.opens)
        if closes < end and opens > start:
            yield closes, opens
