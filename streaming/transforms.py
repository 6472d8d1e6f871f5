"""Kafka messages to table rows: DataFrame to DataFrame, nothing else.

A message of the trades topic becomes either a row of `trades` or a row of `rejected`, never both and
never neither: `valid_trades` and `refused` ask the same question of the same decoding.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from catalog.schema import (
    FEED_EVENT_MESSAGE,
    FEED_EVENTS,
    REJECTED,
    REJECTED_MESSAGE,
    TRADE_MESSAGE,
    TRADES,
    Column,
    ColumnType,
)
from catalog.settings import SYMBOL_PATTERN
from catalog.trade import RAW_LIMIT_BYTES

# Types as JSON carries them: times are integers, microseconds since the epoch; bytes are Base64.
_MESSAGE_TYPES: dict[ColumnType, T.DataType] = {
    ColumnType.TEXT: T.StringType(),
    ColumnType.BYTES: T.StringType(),
    ColumnType.INT: T.IntegerType(),
    ColumnType.LONG: T.LongType(),
    ColumnType.DOUBLE: T.DoubleType(),
    ColumnType.INTS: T.ArrayType(T.IntegerType()),
    ColumnType.TIME: T.LongType(),
}
_NULLABLE = {
    TRADE_MESSAGE: {"conditions"},
    REJECTED_MESSAGE: {"element_index"},
    FEED_EVENT_MESSAGE: {"symbol"},
}
_MALFORMED = "_malformed"
# With any option set Spark parses a message once; without, it may parse it again for each field.
_JSON_OPTIONS = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": _MALFORMED,
    "allowNonNumericNumbers": "false",
}
_YEAR_2100_MICROS = 4_102_444_800_000_000
_LARGEST_DOUBLE = 1.7976931348623157e308

Shape = tuple[Column, ...]


def message_schema(shape: Shape) -> T.StructType:
    """What a message decodes to; its last field holds the text where it is not of this shape."""
    fields = [T.StructField(column.name, _MESSAGE_TYPES[column.type]) for column in shape]
    return T.StructType([*fields, T.StructField(_MALFORMED, T.StringType())])


def decode(messages: DataFrame, shape: Shape) -> DataFrame:
    """Adds `decoded`: the message's fields, null where they are absent or of another type."""
    text = F.col("value").cast("string")
    return messages.withColumn("decoded", F.from_json(text, message_schema(shape), _JSON_OPTIONS))


def valid_trades(messages: DataFrame) -> DataFrame:
    """The rows of `trades` that the messages of the trades topic hold, columns in table order."""
    # A generator is a wall for the optimizer: a plain filter is pushed below and parses all again.
    wanted = F.when(~_is_refused(TRADE_MESSAGE), F.array("decoded"))
    trades = decode(messages, TRADE_MESSAGE).select(
        F.inline(wanted), "partition", "offset", "timestamp"
    )
    computed = {
        "trade_value": F.col("price") * F.col("size"),
        "kafka_partition": F.col("partition"),
        "kafka_offset": F.col("offset"),
        "kafka_time": F.col("timestamp"),
    } | {name: F.timestamp_micros(name) for name in _names(TRADE_MESSAGE, ColumnType.TIME)}
    return trades.select(
        *(computed.get(name, F.col(name)).alias(name) for name in TRADES.column_names)
    )


def refused(messages: DataFrame, shape: Shape) -> DataFrame:
    """Rows of `rejected` for the messages that do not have the shape their topic asks for."""
    value = F.coalesce("value", F.lit(b""))
    computed = {
        "raw": F.substring(value, 1, RAW_LIMIT_BYTES),
        "raw_length": F.octet_length(value).cast("long"),
        "raw_sha256": F.sha2(value, 256),
        "element_index": F.lit(None).cast("int"),
        "reason": _reason(shape),
        "received_at": F.col("timestamp"),
    }
    rows = decode(messages, shape).where(_is_refused(shape))
    return rows.select(*(c.alias(n) for n, c in computed.items()), *_position())


def not_trades(messages: DataFrame, trades_topic: str) -> DataFrame:
    """The messages that do not become rows of `trades`: of other topics, or refused."""
    is_other = F.col("topic") != trades_topic
    decoded = decode(messages, TRADE_MESSAGE)
    return decoded.where(is_other | _is_refused(TRADE_MESSAGE)).drop("decoded")


def rejected_rows(messages: DataFrame) -> DataFrame:
    """Rows of `rejected` that the producer's own rejections hold."""
    return _rows(messages, REJECTED_MESSAGE).select(*REJECTED.column_names)


def feed_event_rows(messages: DataFrame) -> DataFrame:
    """Rows of `feed_events` that the feed's events hold."""
    return _rows(messages, FEED_EVENT_MESSAGE).select(*FEED_EVENTS.column_names)


def _rows(messages: DataFrame, shape: Shape) -> DataFrame:
    rows = decode(messages, shape).where(~_is_refused(shape))
    columns = {column.name: F.col("decoded")[column.name] for column in shape}
    columns |= {n: F.timestamp_micros(columns[n]) for n in _names(shape, ColumnType.TIME)}
    columns |= {n: _to_bytes(columns[n]) for n in _names(shape, ColumnType.BYTES)}
    return rows.select(*(c.alias(n) for n, c in columns.items()), *_position())


def _position() -> list[SparkColumn]:
    names = {"topic": "kafka_topic", "partition": "kafka_partition", "offset": "kafka_offset"}
    return [F.col(name).alias(alias) for name, alias in names.items()]


def _is_refused(shape: Shape) -> SparkColumn:
    return reduce(or_, (condition for condition, _ in _faults(shape)))


def _reason(shape: Shape) -> SparkColumn:
    return F.coalesce(*(F.when(condition, F.lit(why)) for condition, why in _faults(shape)))


def _faults(shape: Shape) -> list[tuple[SparkColumn, str]]:
    """Each way a decoded message can be wrong, and how to say it; no condition is ever null."""
    faults = [(_not_of_shape(), "not a JSON object with this topic's fields and their types")]
    for column in shape:
        field = F.col("decoded")[column.name]
        if column.name not in _NULLABLE[shape]:
            faults.append((field.isNull(), f"{column.name} is missing"))
        if column.type is ColumnType.TIME:
            faults.append((_is_not(field.between(0, _YEAR_2100_MICROS)), _range(column.name)))
        if column.type is ColumnType.DOUBLE:
            finite = F.abs(field) <= _LARGEST_DOUBLE
            faults.append((_is_not(finite), f"{column.name} is not a finite number"))
        if column.type is ColumnType.BYTES:
            faults.append((_to_bytes(field).isNull(), f"{column.name} is not Base64"))
        if shape is TRADE_MESSAGE and column.name == "symbol":
            known = field.rlike(f"^(?:{SYMBOL_PATTERN.pattern})\\z")
            faults.append((_is_not(known), "symbol has characters no symbol has"))
    return faults


def _not_of_shape() -> SparkColumn:
    # A JSON array would decode as its first element, and lose the others.
    is_object = F.col("value").cast("string").startswith("{")
    return _is_not(is_object) | F.col("decoded").isNull() | F.col("decoded")[_MALFORMED].isNotNull()


def _is_not(condition: SparkColumn) -> SparkColumn:
    return F.coalesce(~condition, F.lit(False))


def _range(name: str) -> str:
    return f"{name} is not between 1970 and 2100 in microseconds"


def _to_bytes(text: SparkColumn) -> SparkColumn:
    return F.try_to_binary(text, F.lit("base64"))


def _names(shape: Sequence[Column], kind: ColumnType) -> list[str]:
    return [column.name for column in shape if column.type is kind]
