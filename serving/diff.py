"""What happened to `trades` between two moments: counts, bars and trades.

Reads the manifests of both snapshots and then only the files that the later one has and that may
hold new rows, so that its time depends on what is new (`serving.diff_queries` says why offsets
tell). That nothing but appends and compactions lies between the two is not taken on trust: each
symbol's rows must have grown by exactly the rows found. Where they have not, or manifests cannot
tell, the two tables are compared row by row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import pyarrow as pa

from catalog.errors import MomentError
from catalog.moments import History, Moment, ResolvedMoment
from catalog.schema import TRADES
from serving.bars import Interval, parse_interval
from serving.diff_queries import (
    Change,
    beyond_in,
    files_beyond,
    files_of_bars,
    nothing_of,
    only_in,
    select_bars_changed,
    select_counts,
    select_trades_changed,
)
from serving.lake import Lake
from serving.manifests import Bounds, SnapshotFiles, TradesFile
from serving.queries import Query, beyond, in_files, table_at

Counts = Mapping[str, int]
"""Rows by symbol."""
Moments = tuple[ResolvedMoment, ResolvedMoment]


class Level(StrEnum):
    """How closely a difference is looked at."""

    COUNTS = "counts"
    BARS = "bars"
    TRADES = "trades"


class Difference:
    """Made by `diff`; every answer is about the same two snapshots, of the moments `a` and `b`.

    `held` gives the rows of A that bars of an interval are made of, as a FROM clause.
    """

    def __init__(
        self,
        lake: Lake,
        moments: Moments,
        change: Change,
        counts: Sequence[Counts],
        held: Callable[[Interval], str],
    ) -> None:
        self._lake = lake
        self._change = change
        self._counts = counts
        self._held = held
        self.a, self.b = moments

    def counts(self, symbol: str | None = None) -> pa.Table:
        """For each symbol: its rows in A and in B, and how many were added and removed."""
        symbols = [one for one in _symbols(self._counts) if symbol in {None, one}]
        columns = [[count.get(one, 0) for one in symbols] for count in self._counts]
        removed = [a + more - b for a, b, more in zip(*columns, strict=True)]
        return pa.table(
            {
                "symbol": pa.array(symbols, pa.string()),
                "rows_a": pa.array(columns[0], pa.int64()),
                "rows_b": pa.array(columns[1], pa.int64()),
                "added": pa.array(columns[2], pa.int64()),
                "removed": pa.array(removed, pa.int64()),
            }
        )

    def bars(self, interval: Interval | str = Interval.M1, symbol: str | None = None) -> pa.Table:
        """The bars that differ, with old and new values; nulls where there was no bar."""
        interval = parse_interval(interval)
        held = self._held(interval)
        return self._run(select_bars_changed(self._change, held, interval, symbol))

    def trades(self, symbol: str | None = None) -> pa.Table:
        """The trades added to A (and those removed from it), in the order of their offsets."""
        return self._run(select_trades_changed(self._change, symbol))

    def _run(self, query: Query) -> pa.Table:
        with self._lake.standing_at(self.a, self.b):
            return self._lake.run(query)


def diff(lake: Lake, a: Moment | str, b: Moment | str) -> Difference:
    """Compare the trades of two moments.

    Raises MomentError where one cannot be had, or `b` is the earlier.
    """
    histories = lake.histories()
    moments = lake.resolve(a, histories), lake.resolve(b, histories)
    _check_order(histories[0], *moments)
    with lake.standing_at(*moments):
        return _by_offsets(lake, moments) or _row_by_row(lake, moments)


def _check_order(trades: History, a: ResolvedMoment, b: ResolvedMoment) -> None:
    order = [snapshot.snapshot_id for snapshot in trades.snapshots]
    if order.index(_id(b)) < order.index(_id(a)):
        raise MomentError(
            f"{b.moment} ({b.committed_at.isoformat()}) is before {a.moment}"
            f" ({a.committed_at.isoformat()}): a difference goes forward in time."
            " Give the earlier moment first."
        )


def _by_offsets(lake: Lake, moments: Moments) -> Difference | None:
    """None where offsets cannot tell."""
    a, b = (_id(moment) for moment in moments)
    reader = SnapshotFiles(lake.load(TRADES))
    with lake.reading_files():
        files_a, files_b, besides = reader.at(a), reader.at(b), reader.besides(b, a)
    if files_a is None or files_b is None or besides is None:
        return None
    positions = Bounds.of(file.extent for file in files_a).positions
    new = files_beyond(besides, positions)
    added = beyond_in(_source(new, b), beyond(positions))
    counts = _rows_of(files_a), _rows_of(files_b), _ask_counts(lake, added)
    if any(
        counts[0].get(symbol, 0) + counts[2].get(symbol, 0) != counts[1].get(symbol, 0)
        for symbol in _symbols(counts)
    ):
        return None

    def held(interval: Interval) -> str:
        return _source(files_of_bars(files_a, new, interval), a)

    return Difference(lake, moments, Change(added), counts, held)


def _row_by_row(lake: Lake, moments: Moments) -> Difference:
    in_a, in_b = (table_at(TRADES, _id(moment)) for moment in moments)
    change = Change(only_in(in_b, in_a), only_in(in_a, in_b))
    counts = [_ask_counts(lake, source) for source in (in_a, in_b, change.added)]
    return Difference(lake, moments, change, counts, lambda _: in_a)


def _source(files: Sequence[TradesFile], snapshot_id: int) -> str:
    if not files:
        return nothing_of(table_at(TRADES, snapshot_id))
    return in_files([file.path for file in files])


def _ask_counts(lake: Lake, source: str) -> Counts:
    answer = lake.run(select_counts(source)).to_pylist()
    return {row["symbol"]: row["trades"] for row in answer}


def _symbols(counts: Iterable[Counts]) -> list[str]:
    return sorted({symbol for count in counts for symbol in count})


def _rows_of(files: Iterable[TradesFile]) -> Counts:
    counts: dict[str, int] = {}
    for file in files:
        counts[file.extent.symbol] = counts.get(file.extent.symbol, 0) + file.rows
    return counts


def _id(moment: ResolvedMoment) -> int:
    return moment.snapshot_ids[TRADES.name]
