"""The tables, stated once. Iceberg schemas, message columns and SQL all derive from here.

Times are microseconds in UTC. Look-alikes, told apart: `event_time` is the venue's word for when a
trade happened, `received_at` is when our process got its frame, `kafka_time` is when the broker
stamped its message.
"""

from dataclasses import dataclass
from enum import StrEnum

NAMESPACE = "market"


class ColumnType(StrEnum):
    """What a column holds, in words that every engine's own types derive from."""

    TEXT = "text"
    BYTES = "bytes"
    INT = "int"  # 32 bits
    LONG = "long"  # 64 bits
    DOUBLE = "double"
    INTS = "ints"  # a list of 32-bit integers, its elements nullable
    TIME = "time"  # microseconds in UTC, with time zone


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `doc` ends up in the Iceberg schema."""

    name: str
    type: ColumnType
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the lake; `day_of` and `by` are its table partitions."""

    name: str
    columns: tuple[Column, ...]
    day_of: str
    by: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def identifier(self) -> str:
        """The name with its namespace, as the REST catalog knows it."""
        return f"{NAMESPACE}.{self.name}"


_T = ColumnType

_POSITION = (
    Column("kafka_partition", _T.INT, "topic partition of the message"),
    Column("kafka_offset", _T.LONG, "offset of the message in its topic partition"),
)

# What a trade's Kafka message carries; `Trade` has the same names in the same order.
TRADE_MESSAGE = (
    Column("symbol", _T.TEXT, "the vendor's identifier"),
    Column("event_time", _T.TIME, "when the venue says the trade happened"),
    Column("price", _T.DOUBLE, "price of one unit"),
    Column("size", _T.DOUBLE, "units traded"),
    Column("conditions", _T.INTS, "trade condition codes (catalog.conditions)"),
    Column("received_at", _T.TIME, "when our process got the frame"),
    Column("source", _T.TEXT, "finnhub, simulator, or a recording's name"),
)

TRADES = Table(
    "trades",
    (
        *TRADE_MESSAGE[:4],
        Column("trade_value", _T.DOUBLE, "price x size"),
        *TRADE_MESSAGE[4:],
        *_POSITION,
        Column("kafka_time", _T.TIME, "when the broker stamped the message"),
    ),
    day_of="event_time",
    by=("symbol",),
)

# What the producer sends when it cannot accept a frame, or one element of a frame's `data`.
REJECTED_MESSAGE = (
    Column("raw", _T.BYTES, "the first 256 KiB of what was refused"),
    Column("raw_length", _T.LONG, "its whole length in bytes"),
    Column("raw_sha256", _T.TEXT, "SHA-256 of all its bytes, in hex"),
    Column("element_index", _T.INT, "place in the frame's `data`; null: the whole message"),
    Column("reason", _T.TEXT, "why it was refused"),
    Column("received_at", _T.TIME, "when our process, or the broker, got it"),
)

REJECTED = Table(
    "rejected",
    (*REJECTED_MESSAGE, Column("kafka_topic", _T.TEXT, "topic of the message"), *_POSITION),
    day_of="received_at",
)

FEED_EVENT_MESSAGE = (
    Column("kind", _T.TEXT, "connected, subscribed, silent, disconnected, gap, error"),
    Column("symbol", _T.TEXT, "null: the whole feed"),
    Column("from_time", _T.TIME, "when it began"),
    Column("to_time", _T.TIME, "when it ended; the same as from_time for an instant"),
    Column("detail", _T.TEXT, "in words"),
    Column("source", _T.TEXT, "finnhub, simulator, or a recording's name"),
)

FEED_EVENTS = Table(
    "feed_events",
    (*FEED_EVENT_MESSAGE, Column("kafka_topic", _T.TEXT, "topic of the message"), *_POSITION),
    day_of="to_time",
)

TABLES = (TRADES, REJECTED, FEED_EVENTS)
