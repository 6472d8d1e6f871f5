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

log = get_logger("streaming.others")

Place = tuple[str, int]
"""A topic and one of its topic partitions."""


def start_others(
    session: SparkSession, broker: BrokerSettings, settings: StreamingSettings, checkpoint: Path
) -> StreamingQuery:
    """Start the query. A new checkpoint reads everything again and appends only what is missing."""
    topics = broker.topics
    messages = read_topics(
        session,
        broker,
        (topics.trades, topics.rejected, topics.feed_events),
        # It reads every trade a second time to find the undecodable ones: in long, cheap strides.
        settings.max_offsets * 2,
    )
    writers = (
        Writer(session, REJECTED),
        Writer(session, FEED_EVENTS),
    )

    def write(batch: DataFrame, epoch: int) -> None:
        kept = not_trades(batch, topics).persist()
        try:
            if not kept.isEmpty():
                _write(judged(kept, topics), topics, writers, epoch)
        finally:
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

    def write(self, rows: DataFrame) -> bool:
        """Whether there was anything new to append."""
        newest_held, bounds = self._newest(), _bounds(rows)
        if any(first <= newest_held.get(place, -1) for place, (first, _) in bounds.items()):
            first_offset = min(first for first, _ in bounds.values())
            rows = without_held(rows, self._table, first_offset).localCheckpoint()
            bounds = _bounds(rows)
        if bounds:
            append(rows, self._table)
            for place, (_, newest) in bounds.items():
                newest_held[place] = max(newest, newest_held.get(place, -1))
        return bool(bounds)

    def _newest(self) -> dict[Place, int]:
        """What the table holds: asked once, since only we write."""
        if self._known is None:
            held = self._session.table(f"{CATALOG}.{self._table.identifier}")
            self._known = {place: newest for place, (_, newest) in _bounds(held).items()}
        return self._known


def _write(rows: DataFrame, topics: Topics, writers: tuple[Writer, Writer], epoch: int) -> None:
    rejected, feed_events = writers
    log.info(
        "others_written",
        epoch=epoch,
        rejected=rejected.write(rejected_rows(rows, topics)),
        feed_events=feed_events.write(feed_event_rows(rows, topics)),
    )


def _bounds(rows: DataFrame) -> dict[Place, tuple[int, int]]:
    """First and newest offset of each topic partition that has rows."""
    topic, place, offset = POSITION
    found = rows.groupBy(topic, place).agg(sf.min(offset), sf.max(offset)).collect()
    return {(row[0], row[1]): (row[2], row[3]) for row in found}
