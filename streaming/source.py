# ruff: noqa: SLF001 (PySpark has no public way to its gateway)
"""Spark's end of Kafka: reading topics as streams, and asking the broker where they stand."""

import json
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from catalog.errors import BrokerError
from catalog.settings import BrokerSettings

Offsets = dict[int, int]
"""Topic partition to offset."""

EARLIEST = -2
_ASK_SECONDS = 20


def read_topics(
    session: SparkSession,
    broker: BrokerSettings,
    topics: tuple[str, ...],
    max_offsets: int,
    starting: dict[str, Offsets] | None = None,
    max_task_offsets: int = 0,
) -> DataFrame:
    """A stream of the topics' messages: `topic`, `partition`, `offset`, `timestamp`, `value`.

    `starting` holds the first offset to read for every topic partition and matters only on a new
    checkpoint; without it the stream starts at the earliest. At most `max_offsets` messages make a
    micro-batch, at most `max_task_offsets` (0: all of a topic partition's) a task, which holds a
    core until it ends. Messages that expired unread stop the query: no loss is skipped silently.
    """
    options = {
        **kafka_options(broker),
        "subscribe": ",".join(topics),
        "startingOffsets": _to_json(starting) if starting else "earliest",
        "failOnDataLoss": "true",
        "maxOffsetsPerTrigger": str(max_offsets),
        # A catch-up batch is read in few large fetches; a small one is answered at once anyway.
        "kafka.max.poll.records": "20000",
        "kafka.max.partition.fetch.bytes": str(8 * 1024 * 1024),
        "kafka.receive.buffer.bytes": str(1024 * 1024),
    }
    if max_task_offsets:
        options["maxRecordsPerPartition"] = str(max_task_offsets)
    messages = session.readStream.format("kafka").options(**options).load()
    return messages.select("topic", "partition", "offset", "timestamp", "value")


def kafka_options(broker: BrokerSettings) -> dict[str, str]:
    """How Spark's Kafka source reaches the broker. May hold the password: never log it."""
    client = {f"kafka.{name}": value for name, value in _client_config(broker).items()}
    return {**client, "kafka.allow.auto.create.topics": "false"}


def topic_bounds(
    session: SparkSession, broker: BrokerSettings, topic: str
) -> tuple[Offsets, Offsets]:
    """Each topic partition's first kept offset and its next one, as the broker tells them.

    Raises BrokerError when it does not, or has no such topic.
    """
    try:
        bounds = _ask_bounds(session.sparkContext._jvm, _client_config(broker), topic)
    except Exception as error:  # whatever py4j wraps the broker's refusal in
        raise BrokerError(
            f"Kafka at {broker.server} did not tell how far topic {topic} goes. Is it running?"
            " `tapehouse status` tells."
        ) from error
    if not bounds[1]:
        raise BrokerError(f"Kafka at {broker.server} has no topic {topic}: was it set up?")
    return bounds


def _ask_bounds(jvm: Any, client_config: dict[str, str], topic: str) -> tuple[Offsets, Offsets]:
    config = jvm.java.util.HashMap()
    deserializer = "org.apache.kafka.common.serialization.ByteArrayDeserializer"
    deserializers = {"key.deserializer": deserializer, "value.deserializer": deserializer}
    for name, value in (client_config | deserializers).items():
        config.put(name, value)
    patience = jvm.java.time.Duration.ofSeconds(_ASK_SECONDS)
    consumer = jvm.org.apache.kafka.clients.consumer.KafkaConsumer(config)
    try:
        places = jvm.java.util.ArrayList()
        for info in consumer.partitionsFor(topic, patience) or ():
            places.add(jvm.org.apache.kafka.common.TopicPartition(topic, info.partition()))
        beginnings = consumer.beginningOffsets(places, patience)
        ends = consumer.endOffsets(places, patience)
        return (
            {int(place.partition()): int(beginnings.get(place)) for place in places},
            {int(place.partition()): int(ends.get(place)) for place in places},
        )
    finally:
        consumer.close(jvm.java.time.Duration.ofSeconds(1))


def _client_config(broker: BrokerSettings) -> dict[str, str]:
    config = {"bootstrap.servers": broker.server, "security.protocol": broker.protocol}
    if not broker.username:
        return config
    mechanism = broker.sasl_mechanism
    module = "scram.ScramLoginModule" if mechanism.startswith("SCRAM") else "plain.PlainLoginModule"
    return config | {
        "sasl.mechanism": mechanism,
        "sasl.jaas.config": (
            f"org.apache.kafka.common.security.{module} required"
            f" username={_quoted(broker.username)}"
            f" password={_quoted(broker.password.get_secret_value())};"
        ),
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _to_json(starting: dict[str, Offsets]) -> str:
    return json.dumps(
        {
            topic: {str(place): offset for place, offset in sorted(offsets.items())}
            for topic, offsets in starting.items()
        }
    )
