"""The Kafka topics, all named after `KAFKA_TOPIC`, and the settings each is created with."""

from dataclasses import dataclass

DEFAULT_TOPIC = "stock-ticks"

_WEEK_MS = str(7 * 24 * 60 * 60 * 1000)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's name and what it is created with."""

    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class Topics:
    """The three topics: trades, what was refused, and what happened to the feed."""

    trades: str = DEFAULT_TOPIC

    @property
    def rejected(self) -> str:
        """Frames and elements that the producer could not accept."""
        return f"{self.trades}.rejected"

    @property
    def feed_events(self) -> str:
        """Connects, gaps, silences, errors."""
        return f"{self.trades}.feed-events"

    def all(self, trade_partitions: int = 2) -> tuple[Topic, ...]:
        """Each topic with its settings.

        `trade_partitions` bounds how many Spark tasks read in parallel. A symbol always lives in
        one topic partition: raising the count later moves symbols, so it is for new topics only.
        Messages are kept a week: that is how long the streaming job may be down without loss.
        """
        config = {
            "cleanup.policy": "delete",
            "retention.ms": _WEEK_MS,
            # Offsets of a compacted or transactional topic have holes; ours prove exactly-once.
            "compression.type": "producer",
            "message.timestamp.type": "LogAppendTime",
        }
        return (
            Topic(self.trades, trade_partitions, config),
            Topic(self.rejected, 1, config),
            Topic(self.feed_events, 1, config),
        )
