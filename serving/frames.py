"""What the screen shows, as immutable frames that every session may share."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from serving.bars import SECOND, Bar, Interval, roll_up

TAPE_ROWS = 500
SYMBOL_TAPE_ROWS = 200
WINDOWS = (300, 3600)
"""Over how many seconds, beside the day, a symbol's change is told."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of one kept interval is held: bars in memory, and time loaded from the lake."""

    capacity: int
    history: int
    chunk: int


_HOUR = 3600 * SECOND
_DAY = 24 * _HOUR

# Three intervals are kept, the shortest first; every other is rolled up from the longest of them
# that divides it.
KEPT: dict[Interval, Depth] = {
    Interval.S1: Depth(capacity=3600, history=_HOUR, chunk=_HOUR),
    Interval.M1: Depth(capacity=4320, history=2 * _DAY, chunk=_DAY // 2),
    Interval.H1: Depth(capacity=960, history=30 * _DAY, chunk=5 * _DAY),
}
_KEPT_FOR: dict[Interval, Interval] = {
    wanted: max(
        (kept for kept in KEPT if wanted.microseconds % kept.microseconds == 0),
        key=lambda kept: kept.microseconds,
    )
    for wanted in Interval
}


class State(StrEnum):
    """What a frame stands for; each looks different on the screen."""

    LOADING = "loading"
    EMPTY = "empty"
    LIVE = "live"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why frames no longer move. `since` is in microseconds."""

    since: int
    reason: str


Gap = tuple[int, int]
"""From when to when the feed may have sent what nobody received; in microseconds."""


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """When (microseconds) and why the feed was last `connected` or `disconnected`."""

    kind: str
    detail: str
    at: int


@dataclass(frozen=True, slots=True)
class TapeRow:
    """One trade on the tape; `direction` is of its symbol's last change of price: 1, -1 or 0.

    `serial` counts trades as they came to this process, so that a screen can tell how many are new.
    """

    serial: int
    symbol: str
    event_time: int
    price: float
    size: float
    conditions: tuple[int, ...] | None
    direction: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A symbol at a glance.

    `day` is the bar of its last trade's day (`hours.day_of`), None while loading. `before` holds,
    for each of WINDOWS, the price that many seconds before the market's newest trade; one in which
    the symbol did not trade is not there.
    """

    symbol: str
    last: float | None
    last_time: int
    direction: int
    day: Bar | None
    spark: tuple[float, ...]
    before: Mapping[int, float] = field(default_factory=dict)

    @property
    def change(self) -> float | None:
        """From the day's first price to the last, as a fraction."""
        return self._since(self.day.open if self.day else None)

    def change_over(self, seconds: int) -> float | None:
        """The same over one of WINDOWS; None where it did not trade in it."""
        return self._since(self.before.get(seconds))

    def _since(self, price: float | None) -> float | None:
        return self.last / price - 1 if price and self.last is not None else None


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the lake a frame stands, in microseconds.

    `complete_to` is when its newest trade was received, `received_to` the same for each symbol.
    """

    snapshot_id: int
    committed_at: int
    complete_to: int | None
    rows: int
    received_to: Mapping[str, int] = field(default_factory=dict)


_versions = count(time.time_ns() // 1_000_000)


def next_version() -> int:
    """The next frame's version.

    They start from the clock: a page that outlived a restart must not take a frame for its old one.
    """
    return next(_versions)


@dataclass(frozen=True, slots=True)
class Frame:
    """One consistent picture of the market for every session, live or of a past moment.

    No two frames share a version, and a newer picture of the same has a higher one. `as_of` is
    when the past moment was committed, in microseconds, and None for a live frame. `gaps` are those
    of the whole feed in the last days. `tapes` holds each symbol's last trades, newest first, which
    may reach further back than `tape`, where all symbols share the room.
    """

    version: int = 0
    as_of: int | None = None
    state: State = State.LOADING
    position: Position | None = None
    trouble: Trouble | None = None
    feed: FeedEvent | None = None
    gaps: tuple[Gap, ...] = ()
    loading_history: bool = False
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    tape: tuple[TapeRow, ...] = ()
    tapes: Mapping[str, tuple[TapeRow, ...]] = field(default_factory=dict)
    kept_bars: Mapping[str, Mapping[Interval, tuple[Bar, ...]]] = field(default_factory=dict)

    @property
    def is_disconnected(self) -> bool:
        """Whether the feed was last heard to disconnect, and no trade has come since."""
        if self.feed is None or self.feed.kind != "disconnected" or self.position is None:
            return False
        # Another feed may go on.
        complete_to = self.position.complete_to
        return complete_to is None or complete_to <= self.feed.at + SECOND

    def bars(self, symbol: str, interval: Interval) -> Sequence[Bar]:
        """The symbol's bars of any interval, in order of start; empty for an unknown symbol."""
        bars = self._kept(symbol, interval)
        return bars if interval in KEPT else roll_up(bars, interval)

    def complete_from(self, symbol: str, interval: Interval) -> int | None:
        """From when on (microseconds) the symbol's bars leave out no trade; None: still loading."""
        bars = self._kept(symbol, interval)
        if self.loading_history or not bars:
            return None
        kept = _KEPT_FOR[interval]
        if kept is Interval.S1 or len(bars) >= KEPT[kept].capacity:
            return bars[0].start
        # Their history is loaded from the start of a UTC day.
        return Interval.D1.start_of(bars[0].start)

    def _kept(self, symbol: str, interval: Interval) -> Sequence[Bar]:
        return self.kept_bars.get(symbol, {}).get(_KEPT_FOR[interval], ())
