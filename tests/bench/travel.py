"""How long it takes to tell two moments of a recorded day apart, and how a bar came to be."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.moments import Moment
from catalog.schema import TRADES
from serving import Lake
from serving.asof import Past
from serving.bars import Interval
from serving.diff import diff
from serving.history import history
from serving.shared_lake import SharedLake
from tests.bench.figures import Figure, percentile
from tests.support.compaction import compact
from tests.support.local_lake import LocalLake, local_lake
from tests.support.recordings import read_expected

COMMITS = 120
RUNS = 10
TARGET = "<= 2"


def measure(folder: Path, recording: Path) -> list[Figure]:
    """The day in 120 commits, the first two thirds of them compacted; without Kafka and Spark."""
    day = read_expected(recording)
    with local_lake(folder) as writer:
        write(writer, day)
        with Lake.open(writer.settings) as lake:
            return [*_figures(lake, day), _as_of(SharedLake(writer.settings), day)]


def write(writer: LocalLake, day: pa.Table) -> None:
    """Commit the trades as the stream would: topic partitions by symbol, offsets by arrival."""
    rows = _placed(day, writer.trades.schema().as_arrow())
    size = -(-rows.num_rows // COMMITS)
    for number, start in enumerate(range(0, rows.num_rows, size)):
        writer.trades.append(rows.slice(start, size))
        if number == COMMITS * 2 // 3:
            compact(writer.trades)


def _figures(lake: Lake, day: pa.Table) -> Iterator[Figure]:
    kept = [str(snapshot.snapshot_id) for snapshot in lake.snapshots()]
    spans = {
        "the whole day": kept[0],
        "the last third, from a compaction": kept[len(kept) * 2 // 3],
        "the last commit": kept[-2],
    }
    for span, start in spans.items():
        added = diff(lake, start, "live").trades().num_rows
        for level, ask in (
            ("counts", lambda one: one.counts()),
            ("bars", lambda one: one.bars("1m")),
            ("trades", lambda one: one.trades()),
        ):
            seconds = _times(lambda start=start, ask=ask: ask(diff(lake, start, "live")))
            yield Figure("diff", f"{level}, {span}", seconds, "s (p95)", RUNS, TARGET)
        yield Figure("diff", f"trades added, {span}", added, "rows", 1)
    busiest = pc.mode(day["symbol"])[0]["mode"].as_py()
    middle = day["event_time"][day.num_rows // 2].as_py()
    for interval in ("1m", "1d"):
        seconds = _times(lambda interval=interval: history(lake, busiest, middle, interval))
        name = f"{interval} bar of {busiest}, {len(kept)} snapshots"
        yield Figure("history", name, seconds, "s (p95)", RUNS)


def _as_of(lake: SharedLake, day: pa.Table) -> Figure:
    """From a moment's id to a frame and one symbol's minutes, for moments that nobody asked for."""
    kept = lake.histories()[0].snapshots[-RUNS:]
    busiest, past = pc.mode(day["symbol"])[0]["mode"].as_py(), Past(lake)
    moments = iter(Moment(snapshot_id=snapshot.snapshot_id) for snapshot in kept)
    seconds = _times(lambda: past.frame(lake.resolve(next(moments))).bars(busiest, Interval.M1))
    return Figure("as of", "a frame of the whole day, first time", seconds, "s (p95)", RUNS, "<= 1")


def _times(act: Callable[[], object]) -> float:
    took = []
    for _ in range(RUNS):
        started = time.monotonic()
        act()
        took.append(time.monotonic() - started)
    return percentile(took, 0.95)


def _placed(day: pa.Table, schema: pa.Schema) -> pa.Table:
    """The day's trades with the other columns of the table, as one topic of two partitions."""
    symbols = sorted(pc.unique(day["symbol"]).to_pylist())
    partition_of = {symbol: number % 2 for number, symbol in enumerate(symbols)}
    partitions = [partition_of[symbol] for symbol in day["symbol"].to_pylist()]
    ends = [0, 0]
    offsets = []
    for partition in partitions:
        offsets.append(ends[partition])
        ends[partition] += 1
    columns = {
        **{name: day[name] for name in day.column_names},
        "trade_value": pc.multiply(day["price"], day["size"]),
        "received_at": day["event_time"],
        "kafka_time": day["event_time"],
        "source": pa.array(["day"] * day.num_rows, pa.string()),
        "kafka_partition": pa.array(partitions, pa.int32()),
        "kafka_offset": pa.array(offsets, pa.int64()),
    }
    return pa.table({name: columns[name] for name in TRADES.column_names}).cast(schema)
