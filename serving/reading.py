"""How a market is read out of the lake at one snapshot: its bounds, its tape and its bars."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from pyiceberg.table.snapshots import Snapshot

from catalog.schema import TRADES
from serving.bars import Bar, from_arrow, select_bars
from serving.frames import KEPT, TAPE_ROWS, Frame, Position, State
from serving.lake import Lake
from serving.manifests import Bounds, TradesFile, extents_of
from serving.market import HistoryRequest, Market
from serving.queries import (
    in_files,
    select_bounds,
    select_new_trades,
    select_spans,
    table_at,
)

Offsets = Mapping[int, int]
"""The last offset of each topic partition."""


@dataclass(frozen=True, slots=True)
class TradesAt:
    """The trades of one snapshot.

    `files` are those of its data files that may matter to what is asked; None where manifests
    cannot tell: then the table itself is asked, which takes longer.
    """

    lake: Lake
    snapshot_id: int
    files: Sequence[TradesFile] | None = None

    def bounds(self) -> Bounds:
        """Of all its trades; `files` must be all files."""
        if self.files is None:
            return Bounds.of(extents_of(self.lake.run(select_bounds(self.snapshot_id))))
        return Bounds.of(file.extent for file in self.files)

    def beyond(self, offsets: Offsets) -> pa.Table:
        """The trades beyond the offsets, with the columns that bars are made of."""

        def may_hold(file: TradesFile) -> bool:
            return file.extent.kafka_offset > offsets.get(file.extent.kafka_partition, -1)

        source = self._source(may_hold)
        if source is None:
            return pa.table({"received_us": pa.array([], pa.int64())})
        return self.lake.run(select_new_trades(source, offsets))

    def bars(self, requests: Sequence[HistoryRequest]) -> dict[str, list[Bar]]:
        """The bars of requests of one interval, at most one for each symbol, by symbol."""

        def may_hold(file: TradesFile) -> bool:
            return any(_overlaps(file, request) for request in requests)

        source = self._source(may_hold) if requests else None
        if source is None:
            return {}
        spans = [(request.symbol, request.start, request.end) for request in requests]
        query = select_bars(select_spans(source, spans), requests[0].interval)
        return from_arrow(self.lake.run(query))

    def _source(self, may_hold: Callable[[TradesFile], bool]) -> str | None:
        """A FROM clause; None where no file holds any of it."""
        if self.files is None:
            return table_at(TRADES, self.snapshot_id)
        paths = [file.path for file in self.files if may_hold(file)]
        return in_files(paths) if paths else None


def begin(trades: TradesAt) -> tuple[Market, Bounds]:
    """A market with its tape and the newest piece of every symbol's bars; older ones are wanted."""
    bounds = trades.bounds()
    market = Market(bounds.event_times)
    tail = {number: offset - TAPE_ROWS for number, offset in bounds.positions.items()}
    if tail:
        add_tape(market, trades.beyond(tail))
    for interval in KEPT:
        load(market, trades, [r for r in market.wanted if (r.rank, r.interval) == (0, interval)])
    return market, bounds


def load(market: Market, trades: TradesAt, requests: Sequence[HistoryRequest]) -> None:
    """Add what the market wants: requests of one interval, at most one for each symbol."""
    bars = trades.bars(requests)
    for request in requests:
        market.add_history(request, bars.get(request.symbol, []))


def add_tape(market: Market, rows: pa.Table) -> None:
    """Put trades as `TradesAt.beyond` answers them on the tape, in the order they were received."""
    order = [("received_us", "ascending"), ("kafka_partition", "ascending")]
    rows = rows.sort_by([*order, ("kafka_offset", "ascending")])
    market.skip_tape(max(0, rows.num_rows - TAPE_ROWS))
    rows = rows.slice(max(0, rows.num_rows - TAPE_ROWS))
    market.add_tape(_tape_row(row) for row in rows.to_pylist())


def position_of(snapshot: Snapshot) -> Position:
    """Where a frame of this snapshot stands; to when it is complete, its trades have to tell."""
    summary = snapshot.summary.additional_properties if snapshot.summary else {}
    rows = int(summary.get("total-records", 0))
    return Position(snapshot.snapshot_id, snapshot.timestamp_ms * 1000, None, rows)


def complete(position: Position, received_to: Mapping[str, int]) -> Position:
    """The position with what its trades tell: when each symbol's newest was received."""
    newest = max(received_to.values(), default=None)
    return replace(position, complete_to=newest, received_to=received_to)


def with_market(frame: Frame, market: Market, position: Position) -> Frame:
    """The frame with everything that the market and its position tell."""
    quotes = market.quotes()
    return replace(
        frame,
        state=State.LIVE if quotes else State.EMPTY,
        position=position,
        trouble=None,
        loading_history=bool(market.wanted),
        quotes=quotes,
        tape=market.tape(),
        tapes=market.tapes(),
        kept_bars=market.kept_bars(),
    )


def _overlaps(file: TradesFile, request: HistoryRequest) -> bool:
    extent = file.extent
    return (
        extent.symbol == request.symbol
        and extent.newest >= request.start
        and extent.oldest < request.end
    )


def _tape_row(
    row: Mapping[str, Any],
) -> tuple[str, int, float, float, tuple[int, ...] | None]:
    codes = row["conditions"]
    conditions = None if codes is None else tuple(code for code in codes if code is not None)
    return row["symbol"], row["event_us"], row["price"], row["size"], conditions
