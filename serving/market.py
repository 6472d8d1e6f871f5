"""The pure state that frames are made from, fed by the one poller; not safe between threads."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from serving.bars import SECOND, Bar, Interval, Key, empty_bar, merge, roll_up
from serving.frames import (
    KEPT,
    SYMBOL_TAPE_ROWS,
    TAPE_ROWS,
    WINDOWS,
    Depth,
    Quote,
    TapeRow,
)
from serving.hours import day_of

SPARK_BARS = 60


class Level:
    """A symbol's bars of one kept interval, complete from `since` on.

    Trades before `since` are left to the history still to be loaded (or let go): a bar made of one
    late trade alone would be wrong.
    """

    def __init__(self, interval: Interval, since: int | None) -> None:
        self.interval = interval
        self.since = since
        self._starts: list[int] = []
        self._bars: list[Bar] = []

    def add(self, bars: Iterable[Bar]) -> None:
        """Merge what new trades make of these bars."""
        for bar in bars:
            if self.since is None or bar.start >= self.since:
                self._merge(bar)
        excess = len(self._bars) - KEPT[self.interval].capacity
        if excess > 0:
            del self._bars[:excess], self._starts[:excess]
            self.since = self._starts[0]

    def prepend(self, bars: Iterable[Bar], since: int | None) -> None:
        """Put loaded history before what is held; `since` None: there is nothing older."""
        older = list(bars)
        self._bars[:0] = older
        self._starts[:0] = [bar.start for bar in older]
        self.since = since

    def bars(self, newest: int | None = None) -> tuple[Bar, ...]:
        """The bars, or that many of the newest, in order of start."""
        return tuple(self._bars if newest is None else self._bars[-newest:])

    def between(self, start: int, end: int | None = None) -> tuple[Bar, ...]:
        """The bars with `start <= bar.start < end`; None sets no end."""
        last = None if end is None else bisect_left(self._starts, end)
        return tuple(self._bars[bisect_left(self._starts, start) : last])

    def is_complete(self, start: int) -> bool:
        """Whether all bars from `start` on are held."""
        return self.since is None or self.since <= start

    def close_before(self, time: int) -> float | None:
        """The last close of a bar that had ended by then."""
        place = bisect_left(self._starts, time - self.interval.microseconds + 1)
        closes = (bar.close for bar in reversed(self._bars[:place]) if bar.close is not None)
        return next(closes, None) if self.is_complete(time) else None

    def _merge(self, bar: Bar) -> None:
        place = bisect_left(self._starts, bar.start)
        if place < len(self._starts) and self._starts[place] == bar.start:
            self._bars[place] = merge(self._bars[place], bar)
        else:
            self._starts.insert(place, bar.start)
            self._bars.insert(place, bar)


@dataclass(slots=True)
class _Symbol:
    levels: dict[Interval, Level]
    last: float | None = None
    last_key: Key = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Bars that a level still lacks: `start <= event time < end`, in microseconds.

    `rank` counts pieces backwards from the newest, which is 0.
    """

    rank: int
    symbol: str
    interval: Interval
    start: int
    end: int


class Market:
    """Everything the screen shows about trades, kept up to date by small increments."""

    def __init__(self, bounds: Mapping[str, tuple[int, int]]) -> None:
        """`bounds`: the oldest and newest event time of each symbol that the lake already holds."""
        self._symbols: dict[str, _Symbol] = {}
        self._tape: deque[TapeRow] = deque(maxlen=TAPE_ROWS)
        self._tapes: dict[str, deque[TapeRow]] = {}
        self._serial = 0
        self._tape_price: dict[str, tuple[float, int]] = {}
        self._wanted: list[HistoryRequest] = []
        self._oldest = {symbol: oldest for symbol, (oldest, _) in bounds.items()}
        for symbol, (oldest, newest) in bounds.items():
            levels = {kept: Level(kept, _end_of(kept, newest)) for kept in KEPT}
            self._symbols[symbol] = _Symbol(levels)
            for kept, depth in KEPT.items():
                self._wanted += _requests(symbol, kept, depth, oldest, newest)
        # The newest piece of every symbol first, then the short intervals' pieces.
        self._wanted.sort(key=lambda request: (request.rank, request.interval.microseconds))

    @property
    def wanted(self) -> Sequence[HistoryRequest]:
        """What is still to be loaded, most urgent first."""
        return self._wanted

    def add_history(self, request: HistoryRequest, bars: Sequence[Bar]) -> None:
        """The answer to the first wanted request, read where the market now stands."""
        self._wanted.remove(request)
        symbol = self._symbols[request.symbol]
        reached_all = request.start <= self._oldest[request.symbol]
        symbol.levels[request.interval].prepend(bars, None if reached_all else request.start)
        self._note_last(symbol, bars)

    def add_trades(self, seconds: Mapping[str, Sequence[Bar]]) -> None:
        """New trades, as the 1 s bars they make; late ones revise the bars they belong to."""
        for name, bars in seconds.items():
            symbol = self._symbols.get(name)
            if symbol is None:
                levels = {kept: Level(kept, None) for kept in KEPT}
                symbol = self._symbols.setdefault(name, _Symbol(levels))
            for kept, level in symbol.levels.items():
                level.add(bars if kept is Interval.S1 else roll_up(bars, kept))
            self._note_last(symbol, bars)

    def add_tape(
        self, rows: Iterable[tuple[str, int, float, float, tuple[int, ...] | None]]
    ) -> None:
        """Put trades (symbol, event time, price, size, conditions) on the tape, oldest first."""
        for symbol, event_time, price, size, conditions in rows:
            before, direction = self._tape_price.get(symbol, (price, 0))
            if price != before:
                direction = 1 if price > before else -1
            self._tape_price[symbol] = (price, direction)
            self._serial += 1
            row = TapeRow(self._serial, symbol, event_time, price, size, conditions, direction)
            self._tape.append(row)
            self._tapes.setdefault(symbol, deque(maxlen=SYMBOL_TAPE_ROWS)).append(row)

    def skip_tape(self, count: int) -> None:
        """Count trades that came and went without ever standing on the tape."""
        self._serial += count

    def quotes(self) -> dict[str, Quote]:
        """Every symbol with a trade, by name."""
        now = max((symbol.last_key[0] for symbol in self._symbols.values()), default=0)
        return {
            name: _quote(name, self._symbols[name], self._tape_price.get(name, (0.0, 0))[1], now)
            for name in sorted(self._symbols)
        }

    def tape(self) -> tuple[TapeRow, ...]:
        """The last trades, newest first."""
        return tuple(reversed(self._tape))

    def tapes(self) -> dict[str, tuple[TapeRow, ...]]:
        """Each symbol's last trades, newest first."""
        return {symbol: tuple(reversed(rows)) for symbol, rows in self._tapes.items()}

    def kept_bars(self) -> dict[str, dict[Interval, tuple[Bar, ...]]]:
        """Every level's bars."""
        return {
            name: {kept: level.bars() for kept, level in symbol.levels.items()}
            for name, symbol in self._symbols.items()
        }

    @staticmethod
    def _note_last(symbol: _Symbol, bars: Sequence[Bar]) -> None:
        for bar in bars:
            if bar.close is not None and bar.close_key and bar.close_key > symbol.last_key:
                symbol.last, symbol.last_key = bar.close, bar.close_key


def _quote(name: str, symbol: _Symbol, direction: int, now: int) -> Quote:
    minutes, last_time = symbol.levels[Interval.M1], symbol.last_key[0]
    recent = minutes.bars(newest=SPARK_BARS)
    before = {
        seconds: price
        for seconds in WINDOWS
        if last_time > (then := now - seconds * SECOND)
        and (price := minutes.close_before(then)) is not None
    }
    closes = tuple(bar.close for bar in recent if bar.close is not None)
    return Quote(name, symbol.last, last_time, direction, _day(name, symbol), closes, before)


def _day(name: str, symbol: _Symbol) -> Bar | None:
    """From whole hours and, where the day starts within one, that hour's minutes."""
    hours, minutes = symbol.levels[Interval.H1], symbol.levels[Interval.M1]
    start, _ = day_of(name, symbol.last_key[0])
    whole = Interval.H1.next_start(start)
    if not hours.is_complete(whole) or (start < whole and not minutes.is_complete(start)):
        return None
    return reduce(merge, [*minutes.between(start, whole), *hours.between(whole)], empty_bar(start))


def _end_of(interval: Interval, time: int) -> int:
    return interval.start_of(time) + interval.microseconds


def _requests(
    symbol: str, interval: Interval, depth: Depth, oldest: int, newest: int
) -> Iterable[HistoryRequest]:
    end = _end_of(interval, newest)
    first = max(interval.start_of(oldest), Interval.D1.start_of(end - depth.history))
    if interval is Interval.S1:
        first = max(interval.start_of(oldest), end - depth.history)
    rank = 0
    while end > first:
        start = max(first, end - depth.chunk)
        yield HistoryRequest(rank, symbol, interval, start, end)
        end = start
        rank += 1
