"""Frames of past moments, in the shape of live ones, and answers about them.

A moment's snapshots never change, so each frame and each answer is made once for all sessions and
kept by its snapshot ids. What a frame needs at once is read when it is asked for; older bars are
read when somebody looks at them.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from threading import Lock
from typing import Generic, TypeVar

import pyarrow as pa

from catalog.errors import MomentError
from catalog.moments import ResolvedMoment
from catalog.schema import FEED_EVENTS, TRADES
from serving.bars import SECOND, Bar, Interval
from serving.feed_watch import FEED_LOOK_BACK, told_by
from serving.frames import KEPT, WINDOWS, Frame, Quote, next_version
from serving.lake_at import LakeAt
from serving.manifests import SnapshotFiles, TradesFile
from serving.market import SPARK_BARS, Market
from serving.queries import select_connection_events
from serving.reading import (
    TradesAt,
    begin,
    complete,
    load,
    position_of,
    with_market,
)
from serving.shared_lake import SharedLake
from serving.times import to_microseconds

_FRAMES_KEPT = 6
_ANSWERS_KEPT = 64

Levels = Mapping[Interval, tuple[Bar, ...]]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """What was made last, by key; each is made once, also when several threads want it at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._made: OrderedDict[K, V] = OrderedDict()
        self._making: dict[K, Lock] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """What is kept, or what `make` makes of it; an error that it raises is not kept."""
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._made:
                    self._made.move_to_end(key)
                    return self._made[key]
            made = make()
            with self._lock:
                self._made[key] = made
                while len(self._made) > self._most:
                    gone, _ = self._made.popitem(last=False)
                    self._making.pop(gone, None)
        return made


class Past:
    """The past of one lake, for all sessions; safe to share between threads."""

    def __init__(self, lake: SharedLake) -> None:
        self._lake = lake
        self._frames: Kept[tuple[int, ...], Frame] = Kept(_FRAMES_KEPT)
        self._answers: Kept[tuple[Hashable, ...], pa.Table] = Kept(_ANSWERS_KEPT)

    def frame(self, moment: ResolvedMoment) -> Frame:
        """The market as it was. Raises MomentError where it was expired, LakeError."""
        return self._frames.get(_ids(moment), lambda: self._read(moment))

    def ask(self, moment: ResolvedMoment, sql: str, parameters: tuple[Hashable, ...]) -> pa.Table:
        """Answer a SELECT of our own over the names of `serving.views`, at the moment."""

        def read() -> pa.Table:
            with self._lake.asking() as lake:
                return LakeAt(lake, moment).sql(sql, parameters)

        return self.once((_ids(moment), sql, parameters), read)

    def once(self, key: tuple[Hashable, ...], make: Callable[[], pa.Table]) -> pa.Table:
        """An answer that never changes, made once; the key says all that it depends on."""
        return self._answers.get(key, make)

    def _read(self, moment: ResolvedMoment) -> Frame:
        snapshot_id = moment.snapshot_ids[TRADES.name]
        committed_at = to_microseconds(moment.committed_at)
        with self._lake.asking() as lake:
            table = lake.load(TRADES)
            snapshot = table.snapshot_by_id(snapshot_id)
            if snapshot is None:
                raise MomentError(
                    f"{moment.moment} ({moment.committed_at.isoformat()}) has been expired"
                    " meanwhile."
                )
            with lake.reading_files():
                files = SnapshotFiles(table).at(snapshot_id)
            with lake.standing_at(moment):
                trades = TradesAt(lake, snapshot_id, files)
                market, bounds = begin(trades)
                _load_minutes(market, trades)
                events = select_connection_events(
                    moment.snapshot_ids[FEED_EVENTS.name], committed_at - FEED_LOOK_BACK, -1
                )
                feed, gaps = told_by(lake.run(events).to_pylist())
        position = complete(position_of(snapshot), bounds.received_to)
        frame = Frame(version=next_version(), as_of=committed_at, feed=feed, gaps=gaps)
        older = _Bars(self._lake, moment, market, files)
        return replace(with_market(frame, market, position), kept_bars=older, loading_history=False)


class _Bars(Mapping[str, Levels]):
    """Every symbol's bars. Looking at them may read the lake, and raise what that raises."""

    def __init__(
        self,
        lake: SharedLake,
        moment: ResolvedMoment,
        market: Market,
        files: list[TradesFile] | None,
    ) -> None:
        self._lake = lake
        self._moment = moment
        self._market = market
        self._files = files
        self._lock = Lock()
        self._symbols = tuple(market.quotes())
        self._read: dict[tuple[str, Interval], tuple[Bar, ...]] = {}

    def __getitem__(self, symbol: str) -> Levels:
        if symbol not in self._symbols:
            raise KeyError(symbol)
        return _Levels(self, symbol)

    def __iter__(self) -> Iterator[str]:
        return iter(self._symbols)

    def __len__(self) -> int:
        return len(self._symbols)

    def read(self, symbol: str, interval: Interval) -> tuple[Bar, ...]:
        """All bars of a kept interval."""
        with self._lock:
            if (symbol, interval) not in self._read:
                self._load_older(symbol, interval)
                self._read[symbol, interval] = self._market.kept_bars()[symbol][interval]
            return self._read[symbol, interval]

    def _load_older(self, symbol: str, interval: Interval) -> None:
        place = symbol, interval
        wanted = [one for one in self._market.wanted if (one.symbol, one.interval) == place]
        if wanted:
            with self._lake.asking() as lake, lake.standing_at(self._moment):
                trades = TradesAt(lake, self._moment.snapshot_ids[TRADES.name], self._files)
                for request in wanted:
                    load(self._market, trades, [request])


class _Levels(Mapping[Interval, tuple[Bar, ...]]):
    def __init__(self, bars: _Bars, symbol: str) -> None:
        self._bars = bars
        self._symbol = symbol

    def __getitem__(self, interval: Interval) -> tuple[Bar, ...]:
        if interval not in KEPT:
            raise KeyError(interval)
        return self._bars.read(self._symbol, interval)

    def __iter__(self) -> Iterator[Interval]:
        return iter(KEPT)

    def __len__(self) -> int:
        return len(KEPT)


def _load_minutes(market: Market, trades: TradesAt) -> None:
    """Read minutes back until each quote has all that it is made of, as the live market has.

    The newest piece is enough, but for a symbol that trades seldom, or did not for long.
    """
    while True:
        quotes, bars = market.quotes(), market.kept_bars()
        now = max((quote.last_time for quote in quotes.values()), default=0)
        lacking = {
            name
            for name, quote in quotes.items()
            if len(bars[name][Interval.M1]) < SPARK_BARS
            or not _begun(quote, now) <= quote.before.keys()
        }
        wanted = {
            request.symbol: request
            for request in reversed(market.wanted)
            if request.interval is Interval.M1 and request.symbol in lacking
        }
        if not wanted:
            return
        load(market, trades, list(wanted.values()))


def _begun(quote: Quote, now: int) -> set[int]:
    """The windows in which the symbol traded."""
    return {seconds for seconds in WINDOWS if quote.last_time > now - seconds * SECOND}


def _ids(moment: ResolvedMoment) -> tuple[int, ...]:
    return tuple(snapshot_id for _, snapshot_id in sorted(moment.snapshot_ids.items()))
