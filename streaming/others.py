"""The slower query: `rejected` and `feed_events`, from their topics and from undecodable trades."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from catalog.logs import get_logger
from catalog.schema import (
    FEED_EVENT_MESSAGE,
    FEED_EVENTS,
    REJECTED,
    REJECTED_MESSAGE,
    TRADE_MESSAGE,
)
from catalog.settings import BrokerSettings
from catalog.topics import Topics
from streaming.settings import StreamingSettings
from streaming.sink import append_new
from streaming.source import read_topics
from streaming.transforms import feed_event_rows, not_trades, refused, rejected_rows

NAME = "others"

log = get_logger("streaming.others")


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
    return (
        messages.writeStream.queryName(NAME)
        .trigger(processingTime=f"{settings.slow_trigger_seconds} seconds")
        .option("checkpointLocation", str(checkpoint))
        .foreachBatch(writer_of(topics))
        .start()
    )


def writer_of(topics: Topics) -> Callable[[DataFrame, int], None]:
    """The function that writes one micro-batch of the three topics to the two tables."""

    def write(messages: DataFrame, epoch: int) -> None:
        kept = not_trades(messages, topics.trades).persist()
        try:
            if not kept.isEmpty():
                _write(kept, topics, epoch)
        finally:
            kept.unpersist()

    return write


def _write(kept: DataFrame, topics: Topics, epoch: int) -> None:
    shapes = {
        topics.trades: TRADE_MESSAGE,
        topics.rejected: REJECTED_MESSAGE,
        topics.feed_events: FEED_EVENT_MESSAGE,
    }
    of_topic = {topic: kept.where(F.col("topic") == topic) for topic in shapes}
    rejected = reduce(
        DataFrame.unionByName,
        (refused(of_topic[topic], shape) for topic, shape in shapes.items()),
        rejected_rows(of_topic[topics.rejected]),
    )
    rejections = append_new(rejected, REJECTED)
    events = append_new(feed_event_rows(of_topic[topics.feed_events]), FEED_EVENTS)
    log.info("others_written", epoch=epoch, rejected=rejections, feed_events=events)
