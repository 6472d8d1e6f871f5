"""To Kafka: idempotent, acknowledged by all, a delivery report checked for every message."""

import time
from collections import Counter
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self, TextIO

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from catalog.errors import BrokerError
from catalog.logs import get_logger
from catalog.settings import BrokerSettings
from catalog.trade import FeedEvent, Rejection, Trade
from ingest.kafka_clients import LOGGER, client_config

log = get_logger("ingest.producer")

Position = tuple[str, int]
"""A topic and one of its topic partitions."""

_SETTINGS: dict[str, str | int | bool] = {
    "client.id": "tapehouse-ingest",
    "enable.idempotence": True,
    "acks": "all",
    # No expiry: a broker's outage is waited out; the queue before us bounds what piles up.
    "message.timeout.ms": 0,
    "reconnect.backoff.max.ms": 1_000,
    "linger.ms": 5,
    "compression.type": "lz4",
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 131_072,
}


class TradeProducer:
    """Sends records and keeps account of what the broker acknowledged.

    `sent` and `acknowledged` count messages by topic; `offsets` holds the highest acknowledged one
    of each topic partition. A delivery that fails is fatal: the next call raises BrokerError. Once
    `stop` is set, no call waits longer than `flush_seconds` for the broker.
    """

    def __init__(
        self,
        broker: BrokerSettings,
        *,
        stop: Event | None = None,
        flush_seconds: float = 10.0,
        delivery_log: Path | None = None,
    ) -> None:
        self._server = broker.server
        self._topics = broker.topics
        self._stop = stop or Event()
        self._flush_seconds = flush_seconds
        self._give_up_at: float | None = None
        self._failure: KafkaError | None = None
        self._out_of_reach = False
        self._lines: list[str] | None = [] if delivery_log else None
        self._delivery_log: TextIO | None = delivery_log.open("a") if delivery_log else None
        self.sent: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.offsets: dict[Position, int] = {}
        self._client = Producer(
            {**client_config(broker), **_SETTINGS, "error_cb": self._on_error}, logger=LOGGER
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._delivery_log is not None:
            self._delivery_log.close()

    def send_trade(self, trade: Trade) -> None:
        """Hand over a trade, keyed by its symbol."""
        self._send(self._topics.trades, *trade.to_message())

    def send_rejection(self, rejection: Rejection) -> None:
        """Hand over what could not be accepted."""
        self._send(self._topics.rejected, *rejection.to_message())

    def send_event(self, event: FeedEvent) -> None:
        """Hand over what happened to the feed."""
        self._send(self._topics.feed_events, *event.to_message())

    def poll(self, seconds: float = 0.0) -> None:
        """Take in delivery reports. Raises BrokerError if one of them is a failure."""
        self._client.poll(seconds)
        if self._lines and self._delivery_log is not None:
            self._delivery_log.write("".join(self._lines))
            self._delivery_log.flush()
            self._lines.clear()
        if self._failure is not None:
            raise BrokerError(
                f"Kafka at {self._server} refused a message: {self._failure.str()}. It is not"
                " stored, so the producer stops rather than go on with a hole."
            )

    def flush(self) -> int:
        """Wait for what is under way, up to the deadline; returns how many messages are left."""
        while (left := len(self._client)) and not self.is_late():
            self.poll(min(0.1, self._flush_seconds))
        self.poll()
        return left

    def is_late(self) -> bool:
        """Whether the deadline after a stop is over; the first call starts its clock."""
        now = time.monotonic()
        if self._give_up_at is None:
            self._give_up_at = now + self._flush_seconds
        return now >= self._give_up_at

    @property
    def unacknowledged(self) -> int:
        """Messages handed over whose delivery report is still to come."""
        return self.sent.total() - self.acknowledged.total()

    def _send(self, topic: str, key: bytes | None, value: bytes) -> None:
        while True:
            try:
                self._client.produce(topic, value, key, on_delivery=self._on_delivery)
            except BufferError:
                self._wait_for_room()
            except KafkaException as error:
                raise BrokerError(
                    f"Kafka's client refused a message: {error.args[0].str()}."
                ) from error
            else:
                self.sent[topic] += 1
                return

    def _wait_for_room(self) -> None:
        self.poll(0.1)
        if self._stop.is_set() and self.is_late():
            raise BrokerError(
                f"Kafka at {self._server} did not take all messages within"
                f" {self._flush_seconds:.0f} s of the stop."
            )

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failure = self._failure or error
            return
        topic, partition, offset = message.topic() or "", message.partition(), message.offset()
        self.acknowledged[topic] += 1
        # After a retry the broker may say "I have it already", and then not where.
        if partition is not None and offset is not None and offset >= 0:
            at = topic, partition
            self.offsets[at] = max(offset, self.offsets.get(at, 0))
            if self._lines is not None:
                self._lines.append(f"{topic} {partition} {offset}\n")
        if self._out_of_reach:
            self._out_of_reach = False
            log.info("broker_is_back", server=self._server)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = self._failure or error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and not self._out_of_reach:  # noqa: SLF001
            self._out_of_reach = True
            log.warning("broker_out_of_reach", server=self._server, waiting="until it is back")
        else:
            log.debug("broker_trouble", problem=error.str())
