"""The lake as it was: every question at one resolved moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.moments import Moment, ResolvedMoment
from catalog.schema import TRADES
from serving.bars import Interval, parse_interval, select_shown_bars
from serving.queries import BAR_COLUMNS, Query, select_trades, table_at
from serving.times import Time, to_microseconds

if TYPE_CHECKING:
    # It imports this module.
    from serving.lake import Lake


@dataclass(frozen=True, slots=True)
class LakeAt:
    """The lake at one resolved moment; answers never change, however long it is kept.

    Its snapshots may be expired meanwhile: then a question raises MomentError.
    """

    lake: Lake
    resolved: ResolvedMoment

    @property
    def moment(self) -> Moment:
        """What was asked for."""
        return self.resolved.moment

    @property
    def committed_at(self) -> datetime:
        """When its snapshot of `trades` was committed."""
        return self.resolved.committed_at

    @property
    def snapshot_ids(self) -> Mapping[str, int]:
        """The snapshot of each table, by the table's name."""
        return self.resolved.snapshot_ids

    def sql(self, text: str, parameters: Sequence[object] = ()) -> pa.Table:
        """As `Lake.sql`."""
        with self.lake.standing_at(self.resolved):
            return self.lake.ask(text, self.snapshot_ids, parameters)

    def trades(
        self, symbol: str | None = None, start: Time | None = None, end: Time | None = None
    ) -> pa.Table:
        """Trades with `start <= event_time < end`, in order; None sets no bound."""
        bounds = (None if time is None else to_microseconds(time) for time in (start, end))
        chosen = self._select(symbol, *bounds, columns="*")
        order = "event_time, kafka_partition, kafka_offset"
        return self._run(Query(f"{chosen.text} ORDER BY {order}", chosen.parameters))

    def bars(
        self,
        symbol: str,
        interval: Interval | str = Interval.M1,
        start: Time | None = None,
        end: Time | None = None,
    ) -> pa.Table:
        """The symbol's bars with `start <= bar_start < end`, in order, each of all its trades."""
        interval = parse_interval(interval)
        bounds = (
            None if time is None else interval.next_start(to_microseconds(time))
            for time in (start, end)
        )
        bars = select_shown_bars(self._select(symbol, *bounds), interval)
        return self._run(Query(f"{bars.text} ORDER BY bar_start", bars.parameters))

    def _run(self, query: Query) -> pa.Table:
        with self.lake.standing_at(self.resolved):
            return self.lake.run(query)

    def _select(
        self, symbol: str | None, start: int | None, end: int | None, *, columns: str = BAR_COLUMNS
    ) -> Query:
        source = table_at(TRADES, self.snapshot_ids[TRADES.name])
        return select_trades(source, symbol, start, end, columns)
