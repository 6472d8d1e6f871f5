"""The slower query: `rejected` and `feed_events`, from their topics and from undecodable trades.

`foreachBatch` may run a micro-batch twice, and a new checkpoint reads everything again. So rows
that a table may already hold are compared with it by topic, topic partition and offset. Offsets
beyond the newest that it holds cannot be in it, which spares all but the first micro-batches that.
"""

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from catalog.logs import get_logger
from catalog.schema import FEED_EVENTS, REJECTED, Table
from catalog.settings import BrokerSettings
from catalog.topics import Topics
from streaming.session import CATALOG
from streaming.settings import StreamingSettings
from streaming.sink import POSITION, append, without_held
from streaming.source import read_topics
from streaming.transforms import feed_event_rows, judged, not_trades, rejected_rows

NAME = "others"
_TASK_OFFSETS = 25_000

log = get_logger("streaming.others")

Place = tuple[str, int]
"""A topic and one of its topic partitions."""
Bounds = dict[Place, tuple[int, int]]
"""First and newest offset of each place that has rows."""


def start_others(
    session: SparkSession, broker: BrokerSettings, settings: StreamingSettings, checkpoint: Path
) -> StreamingQuery:
    """Start the query. A new checkpoint reads everything again and appends only what is missing."""
    topics = broker.topics
    messages = read_topics(
        session,
        broker,
        (topics.trades, topics.rejected, topics.feed_events),
        # It reads every trade a second time to find the undecodable ones: in long strides, of tasks
        # short enough to let the stream have the core again soon.
        settings.max_offsets * 2,
        max_task_offsets=_TASK_OFFSETS,
    )
    writers = (Writer(session, REJECTED), Writer(session, FEED_EVENTS))

    def write(batch: DataFrame, epoch: int) -> None:
        kept = not_trades(batch, topics).persist()
        rows = judged(kept, topics).persist()
        try:
            _write(rows, topics, writers, epoch)
        finally:
            rows.unpersist()
            kept.unpersist()

    return (
        messages.writeStream.queryName(NAME)
        .trigger(processingTime=f"{settings.slow_trigger_seconds} seconds")
        .option("checkpointLocation", str(checkpoint))
        .foreachBatch(write)
        .start()
    )


class Writer:
    """Appends to one table the rows that it does not hold yet, each call in one commit."""

    def __init__(self, session: SparkSession, table: Table) -> None:
        self._session = session
        self._table = table
        self._known: dict[Place, int] | None = None

    def write(self, rows: DataFrame, bounds: Bounds) -> None:
        """Append the new ones of the rows, whose offsets lie within `bounds`."""
        newest_held = self._newest()
        if any(first <= newest_held.get(place, -1) for place, (first, _) in bounds.items()):
            first_offset = min(first for first, _ in bounds.values())
            rows = without_held(rows, self._table, first_offset).localCheckpoint()
            bounds = _held_bounds(rows)
        if bounds:
            append(rows, self._table)
        for place, (_, newest) in bounds.items():
            newest_held[place] = max(newest, newest_held.get(place, -1))

    def _newest(self) -> dict[Place, int]:
        """What the table holds: asked once, since only we write."""
        if self._known is None:
            held = self._session.table(f"{CATALOG}.{self._table.identifier}")
            bounds = _held_bounds(held)
            self._known = {place: newest for place, (_, newest) in bounds.items()}
        return self._known


def _write(rows: DataFrame, topics: Topics, writers: tuple[Writer, Writer], epoch: int) -> None:
    """One look tells what there is to write: most micro-batches hold nothing."""
    sound, refused = _bounds_by_verdict(rows)
    own_rejections = {place: sound[place] for place in sound if place[0] == topics.rejected}
    events = {place: sound[place] for place in sound if place[0] == topics.feed_events}
    rejected = _joined(refused, own_rejections)
    writers[0].write(rejected_rows(rows, topics), rejected)
    writers[1].write(feed_event_rows(rows, topics), events)
    if rejected or events:
        log.info("others_written", epoch=epoch, rejected=bool(rejected), feed_events=bool(events))


def _bounds_by_verdict(rows: DataFrame) -> tuple[Bounds, Bounds]:
    """The bounds of the messages that have their topic's shape, and of those that do not."""
    is_sound = sf.col("reason").isNull()
    grouped = rows.groupBy(is_sound, "topic", "partition")
    bounds: tuple[Bounds, Bounds] = ({}, {})
    for sound, topic, place, first, newest in grouped.agg(
        sf.min("offset"), sf.max("offset")
    ).collect():
        bounds[0 if sound else 1][topic, place] = (first, newest)
    return bounds


def _held_bounds(rows: DataFrame) -> Bounds:
    topic, place, offset = POSITION
    found = rows.groupBy(topic, place).agg(sf.min(offset), sf.max(offset)).collect()
    return {(row[0], row[1]): (row[2], row[3]) for row in found}


def _joined(one: Bounds, other: Bounds) -> Bounds:
    both = {
        place: (min(one[place][0], other[place][0]), max(one[place][1], other[place][1]))
        for place in one.keys() & other.keys()
    }
    return one | other | both
