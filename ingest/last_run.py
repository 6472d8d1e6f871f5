"""Where an earlier run left off, read from Kafka itself: there is no file that could be lost."""

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from catalog.errors import BrokerError
from catalog.settings import BrokerSettings
from catalog.trade import FeedEvent, Trade
from ingest.kafka_clients import LOGGER, client_config

NEWEST = 100
"""How many of a topic partition's newest messages are looked at for one of the same source."""

_WAIT_SECONDS = 10.0


def last_received_at(broker: BrokerSettings, source: str) -> int | None:
    """When `source` was last heard of, in microseconds; None where Kafka's newest messages lack it.

    That is the newest trade's `received_at` or the newest feed event's `to_time`, whichever is
    later: after a clean stop the event says more than the last trade before the market closed.
    """
    consumer = Consumer(
        {**client_config(broker), "group.id": "tapehouse-ingest", "enable.auto.commit": False},
        logger=LOGGER,
    )
    try:
        times = [
            at
            for topic in (broker.topics.trades, broker.topics.feed_events)
            for place in _places(consumer, topic)
            for value in _newest(consumer, place)
            if (at := _heard_at(topic == broker.topics.trades, value, source)) is not None
        ]
    except KafkaException as error:
        raise BrokerError(
            f"Kafka at {broker.server} does not let us read where the last run left off"
            f" ({error.args[0].str()}): the producer needs read access to its own topics."
        ) from error
    finally:
        consumer.close()
    return max(times, default=None)


def _places(consumer: Consumer, topic: str) -> list[TopicPartition]:
    metadata = consumer.list_topics(topic, timeout=_WAIT_SECONDS).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return [TopicPartition(topic, partition) for partition in metadata.partitions]


def _newest(consumer: Consumer, place: TopicPartition) -> list[bytes]:
    low, high = consumer.get_watermark_offsets(place, timeout=_WAIT_SECONDS)
    start = max(low, high - NEWEST)
    if start >= high:
        return []
    consumer.assign([TopicPartition(place.topic, place.partition, start)])
    values: list[bytes] = []
    at = OFFSET_INVALID
    while at < high - 1:
        messages = consumer.consume(high - start, timeout=_WAIT_SECONDS)
        if not messages:
            break
        for message in messages:
            if (problem := message.error()) is not None:
                raise KafkaException(problem)
            at = message.offset() or 0
            values.append(message.value() or b"")
    return values


def _heard_at(is_trade: bool, value: bytes, source: str) -> int | None:
    try:
        if is_trade:
            trade = Trade.from_message(value)
            return trade.received_at if trade.source == source else None
        event = FeedEvent.from_message(value)
    except (ValueError, KeyError, TypeError):
        return None
    return event.to_time if event.source == source else None
