"""The judge of exactly-once: what a consumer of its own finds in a topic, against the tables."""

import time
from collections import Counter

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from catalog.client import connect, translated
from catalog.errors import LakeError
from catalog.schema import TRADES
from catalog.topics import Topics
from catalog.trade import Trade
from tests.support.instance import Instance

TOPICS = Topics()
TOPIC = TOPICS.trades

Position = tuple[int, int]
"""Topic partition and offset."""


def in_topic(instance: Instance, topic: str = TOPIC) -> set[Position]:
    """Every message that the topic still has, read by a consumer of our own."""
    consumer = Consumer(
        {
            "bootstrap.servers": instance.broker_settings().server,
            "group.id": "independent",
            "enable.auto.commit": False,
        }
    )
    found: set[Position] = set()
    try:
        places = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        bounds = [
            consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30) for p in places
        ]
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in places])
        total = sum(end - first for first, end in bounds)
        while len(found) < total:
            batch = consumer.consume(10_000, timeout=30)
            assert batch, f"the topic ended at {len(found)} of {total}"
            found |= {(message.partition(), message.offset()) for message in batch}
    finally:
        consumer.close()
    return found


def in_tables(instance: Instance, topic: str = TOPIC) -> Counter[Position]:
    """The position of every row of any table that comes from the topic."""
    trades = "SELECT kafka_partition, kafka_offset FROM trades UNION ALL" if topic == TOPIC else ""
    rows = instance.lake_rows(
        f"""{trades}
        SELECT kafka_partition, kafka_offset FROM rejected WHERE kafka_topic = '{topic}' UNION ALL
        SELECT kafka_partition, kafka_offset FROM feed_events WHERE kafka_topic = '{topic}'"""
    )
    return Counter(rows)


def stored(instance: Instance) -> int:
    """Rows in `trades`; none while the catalog is away."""
    settings = instance.lake_settings()
    try:
        with translated(settings):
            snapshot = connect(settings).load_table(TRADES.identifier).current_snapshot()
    except LakeError:
        return 0
    return int(snapshot.summary.additional_properties["total-records"])


def caught_up(instance: Instance, minimum: int = 0) -> bool:
    """Whether the table holds as much as the topic, and that is at least `minimum`."""
    consumer = Consumer(
        {"bootstrap.servers": instance.broker_settings().server, "group.id": "counting"}
    )
    try:
        places = consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions
        ends = [
            consumer.get_watermark_offsets(TopicPartition(TOPIC, p), timeout=30)[1] for p in places
        ]
    finally:
        consumer.close()
    return stored(instance) >= max(minimum, sum(ends))


def produce(instance: Instance, count: int) -> None:
    """Put trades into the topic directly."""
    producer = Producer({"bootstrap.servers": instance.broker_settings().server})
    now = time.time_ns() // 1000
    for number in range(count):
        trade = Trade(f"T{number % 7}", now, 10.0 + number, 1.0, None, now, "test")
        key, value = trade.to_message()
        producer.produce(TOPIC, value, key)
    assert producer.flush(30) == 0
