"""How one bar came to be: snapshot by snapshot, what was added to it and what that made of it.

The bar's trades are read once, at the newest snapshot. In which kept snapshot each of them first
stood is found by halving: a snapshot holds, of a symbol's day and of each topic partition, the
trades up to some offset (`serving.diff_queries` says why), which its manifests tell. So only
snapshots around a change are looked at, and none of them is queried. Then the bar is folded in
memory, by the same sums as any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import duckdb
import pyarrow as pa

from catalog.errors import MomentError
from catalog.moments import ResolvedMoment, Snapshot
from catalog.schema import TRADES
from serving.arrivals import Place, Positions, find_arrivals, to_places
from serving.bars import Bar, Interval, from_arrow, merge, parse_interval, select_bars
from serving.lake import Lake
from serving.manifests import Bounds, SnapshotFiles
from serving.queries import Query, select_offsets, select_trades, table_at
from serving.times import Time, to_microseconds

_DAY = Interval.D1
_TIME = pa.timestamp("us", "UTC")
_BAR_COLUMNS = {
    **dict.fromkeys(("open", "high", "low", "close"), pa.float64()),
    **dict.fromkeys(("volume", "trade_value"), pa.decimal128(38, 12)),
    "vwap": pa.float64(),
    "trade_count": pa.int64(),
}
_KINDS = {"append": "append", "replace": "compaction"}


@dataclass(frozen=True, slots=True)
class Step:
    """A kept snapshot that changed the bar's trades, or only moved them, with the bar after it.

    The bar is None while none of its trades is of a kind that changes one.
    """

    snapshot: Snapshot
    reason: str
    added: tuple[Place, ...]
    bar: Bar | None

    @property
    def kind(self) -> str:
        """What the snapshot is: append, compaction, or a correction by hand."""
        return _KINDS.get(self.snapshot.operation, "correction")


def history(
    lake: Lake,
    symbol: str,
    bar_start: Time,
    interval: Interval | str = Interval.M1,
    until: ResolvedMoment | None = None,
) -> list[Step]:
    """The bar's steps over the kept snapshots, oldest first; empty for a bar without trades.

    `bar_start` may be any time within the bar; nothing after `until` is told. Raises MomentError
    where a snapshot is expired meanwhile.
    """
    interval = parse_interval(interval)
    start = interval.start_of(to_microseconds(bar_start))
    kept = _kept(lake, until)
    source = table_at(TRADES, kept[-1].snapshot_id)
    end = start + interval.microseconds
    trades = lake.run(select_trades(source, symbol, start, end))
    following = lake.run(select_offsets(source, symbol, end, end + _DAY.microseconds))
    places = to_places(trades, _by_partition(following, "first_offset"))
    reader = SnapshotFiles(lake.load(TRADES))

    def positions_at(index: int) -> Positions:
        snapshot_id = kept[index].snapshot_id
        with lake.reading_files():
            files = reader.of_day(snapshot_id, symbol, start // _DAY.microseconds)
        if files is not None:
            return Bounds.of(file.extent for file in files).positions
        held = select_offsets(table_at(TRADES, snapshot_id), symbol, start, end)
        return _by_partition(lake.run(held), "last_offset")

    first = first_comparable(kept)
    arrivals = find_arrivals(places, first, len(kept) - 1, positions_at)
    bars = _bars_of_groups(trades, arrivals, interval)
    return fold(kept, first, arrivals, bars)


def _kept(lake: Lake, until: ResolvedMoment | None) -> Sequence[Snapshot]:
    kept = lake.snapshots()
    if until is None:
        return kept
    last = until.snapshot_ids[TRADES.name]
    places = [place for place, one in enumerate(kept) if one.snapshot_id == last]
    if not places:
        raise MomentError(f"{until.moment} has been expired meanwhile. Choose another moment.")
    return kept[: places[0] + 1]


def first_comparable(kept: Sequence[Snapshot]) -> int:
    """The oldest kept snapshot after which there are only appends and compactions."""
    corrected = [index for index, one in enumerate(kept) if one.operation not in _KINDS]
    return max(corrected, default=0)


def fold(
    kept: Sequence[Snapshot],
    first: int,
    arrivals: Mapping[int, Sequence[Place]],
    bars: Mapping[int, Bar],
) -> list[Step]:
    """The steps, from the oldest snapshot that holds a trade of the bar.

    `bars` are those of the trades that arrived with each snapshot alone.
    """
    if not arrivals:
        return []
    span = range(min(arrivals), len(kept))
    folded = accumulate((bars.get(index) for index in span), _merged)
    return [
        Step(
            kept[index],
            _reason(kept, first, index, arrivals.get(index, ()), changes=index in bars),
            tuple(arrivals.get(index, ())),
            bar,
        )
        for index, bar in zip(span, folded, strict=True)
        if index in arrivals or kept[index].operation != "append"
    ]


def to_arrow(steps: Sequence[Step]) -> pa.Table:
    """The steps as rows, as the command line shows them."""
    columns: dict[str, pa.Array] = {
        "snapshot_id": pa.array([s.snapshot.snapshot_id for s in steps], pa.int64()),
        "committed_at": pa.array([s.snapshot.committed_at for s in steps], _TIME),
        "kind": pa.array([s.kind for s in steps], pa.string()),
        "reason": pa.array([s.reason for s in steps], pa.string()),
        "added": pa.array([len(s.added) for s in steps], pa.int64()),
        "late": pa.array([sum(p.is_late for p in s.added) for s in steps], pa.int64()),
        "offsets": pa.array([_spans(s.added) for s in steps], pa.string()),
    }
    for name, kind in _BAR_COLUMNS.items():
        values = [getattr(step.bar, name) if step.bar else None for step in steps]
        columns[name] = pa.array(values, kind)
    return pa.table(columns)


def _merged(one: Bar | None, other: Bar | None) -> Bar | None:
    return merge(one, other) if one and other else one or other


def _by_partition(offsets: pa.Table, name: str) -> dict[int, int]:
    return {row["kafka_partition"]: row[name] for row in offsets.to_pylist()}


def _bars_of_groups(
    trades: pa.Table, arrivals: Mapping[int, Sequence[Place]], interval: Interval
) -> dict[int, Bar]:
    """The bar of each group of trades alone; none where a group may not change a bar."""
    group_of = {
        (place.kafka_partition, place.kafka_offset): index
        for index, places in arrivals.items()
        for place in places
    }
    keys = zip(*(trades[c].to_pylist() for c in ("kafka_partition", "kafka_offset")), strict=True)
    # Bars are made by symbol; here each group takes the place of one.
    groups = pa.array([str(group_of[key]) for key in keys], pa.string())
    named = trades.set_column(trades.schema.get_field_index("symbol"), "symbol", groups)
    with duckdb.connect(":memory:", config={"threads": 1}) as scratch:
        scratch.register("group_trades", named)
        query = select_bars(Query("SELECT * FROM group_trades"), interval)
        answer = from_arrow(scratch.execute(query.text).to_arrow_table())
    return {int(group): bar for group, (bar,) in answer.items()}


def _reason(
    kept: Sequence[Snapshot], first: int, index: int, added: Sequence[Place], *, changes: bool
) -> str:
    snapshot = kept[index]
    if not added:
        return "no data change"
    trades = f"{len(added)} trade{'s' * (len(added) > 1)}"
    if index == first and snapshot.operation not in _KINDS:
        return f"corrected by hand; left or added: {trades}, of before nothing can be told"
    if index == first and snapshot.parent_id is not None:
        return f"already in the oldest kept snapshot: {trades}"
    parts = [f"{trades} added"]
    late = sum(place.is_late for place in added)
    if late:
        parts.append(f"{late} of them late")
    if not changes:
        parts.append("none of a kind that changes a bar")
    if index > first and snapshot.parent_id != kept[index - 1].snapshot_id:
        parts.append("by several commits, of which those before this one are expired")
    return ", ".join(parts)


def _spans(places: Sequence[Place]) -> str:
    """`0:15-27`: topic partition 0, offsets from 15 to 27, of which other symbols have some."""
    offsets: dict[int, list[int]] = {}
    for place in places:
        offsets.setdefault(place.kafka_partition, []).append(place.kafka_offset)
    return ", ".join(
        f"{number}:{min(some)}" + (f"-{max(some)}" if len(some) > 1 else "")
        for number, some in sorted(offsets.items())
    )
