"""Kafka messages to table rows: DataFrame to DataFrame, nothing else.

A message of the trades topic becomes either a row of `trades` or a row of `rejected`, never both
and never neither: `valid_trades` and `not_trades` ask the same question of the same decoding.
"""

from functools import reduce
from operator import or_

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.types import (
    ArrayType,
    DataType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from catalog.schema import (
    FEED_EVENT_MESSAGE,
    FEED_EVENTS,
    REJECTED,
    REJECTED_MESSAGE,
    TRADE_MESSAGE,
    TRADES,
    Column,
    ColumnType,
    Table,
)
from catalog.settings import SYMBOL_PATTERN
from catalog.topics import Topics
from catalog.trade import RAW_LIMIT_BYTES

# Types as JSON carries them: times are integers, microseconds since the epoch; bytes are Base64.
_MESSAGE_TYPES: dict[ColumnType, DataType] = {
    ColumnType.TEXT: StringType(),
    ColumnType.BYTES: StringType(),
    ColumnType.INT: IntegerType(),
    ColumnType.LONG: LongType(),
    ColumnType.DOUBLE: DoubleType(),
    ColumnType.INTS: ArrayType(IntegerType()),
    ColumnType.TIME: LongType(),
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


def message_schema(shape: Shape) -> StructType:
    """What a message decodes to; its last field holds the text where it is not of this shape."""
    fields = [StructField(column.name, _MESSAGE_TYPES[column.type]) for column in shape]
    return StructType([*fields, StructField(_MALFORMED, StringType())])


def decode(messages: DataFrame, shape: Shape) -> DataFrame:
    """Adds `decoded`: the message's fields, null where they are absent or of another type."""
    text = sf.col("value").cast("string")
    decoded = sf.from_json(text, message_schema(shape), _JSON_OPTIONS)
    # A generator is a wall for the optimizer, which would push filters below and parse again.
    return messages.select("*", sf.explode(sf.array(decoded)).alias("decoded"))


def valid_trades(messages: DataFrame) -> DataFrame:
    """The rows of `trades` that the messages of the trades topic hold, columns in table order."""
    fields = _fields(TRADE_MESSAGE) | {
        "trade_value": sf.col("decoded.price") * sf.col("decoded.size"),
        "kafka_partition": sf.col("partition"),
        "kafka_offset": sf.col("offset"),
        "kafka_time": sf.col("timestamp"),
    }
    rows = decode(messages, TRADE_MESSAGE).where(~_is_refused(TRADE_MESSAGE))
    return rows.select(*(fields[name].alias(name) for name in TRADES.column_names))


def not_trades(messages: DataFrame, topics: Topics) -> DataFrame:
    """The messages that do not become rows of `trades`: of the other topics, or refused."""
    is_other = sf.col("topic") != topics.trades
    decoded = decode(messages, TRADE_MESSAGE)
    return decoded.where(is_other | _is_refused(TRADE_MESSAGE)).drop("decoded")


def judged(messages: DataFrame, topics: Topics) -> DataFrame:
    """Adds `reason`: why a message has not the shape that its topic asks for; null where it has."""
    shapes = {
        topics.trades: TRADE_MESSAGE,
        topics.rejected: REJECTED_MESSAGE,
        topics.feed_events: FEED_EVENT_MESSAGE,
    }
    parts = [
        decode(messages.where(sf.col("topic") == topic), shape)
        .withColumn("reason", _reason(shape))
        .drop("decoded")
        for topic, shape in shapes.items()
    ]
    return reduce(DataFrame.unionByName, parts)


def rejected_rows(judged: DataFrame, topics: Topics) -> DataFrame:
    """Rows of `rejected`: messages with a reason as they are, and the producer's own rejections."""
    has_reason = sf.col("reason").isNotNull()
    of_producer = (sf.col("topic") == topics.rejected) & ~has_reason
    refused = _refused(judged.where(has_reason))
    return refused.unionByName(_rows(judged.where(of_producer), REJECTED_MESSAGE, REJECTED))


def feed_event_rows(judged: DataFrame, topics: Topics) -> DataFrame:
    """Rows of `feed_events` that the feed's events hold."""
    wanted = (sf.col("topic") == topics.feed_events) & sf.col("reason").isNull()
    return _rows(judged.where(wanted), FEED_EVENT_MESSAGE, FEED_EVENTS)


def _refused(messages: DataFrame) -> DataFrame:
    value = sf.coalesce("value", sf.lit(b""))
    columns = {
        "raw": sf.substring(value, 1, RAW_LIMIT_BYTES),
        "raw_length": sf.octet_length(value).cast("long"),
        "raw_sha256": sf.sha2(value, 256),
        "element_index": sf.lit(None).cast("int"),
        "reason": sf.col("reason"),
        "received_at": sf.col("timestamp"),
    } | _position()
    return messages.select(*(columns[name].alias(name) for name in REJECTED.column_names))


def _rows(messages: DataFrame, shape: Shape, table: Table) -> DataFrame:
    columns = _fields(shape) | _position()
    decoded = decode(messages, shape)
    return decoded.select(*(columns[name].alias(name) for name in table.column_names))


def _fields(shape: Shape) -> dict[str, SparkColumn]:
    return {column.name: _field(column) for column in shape}


def _field(column: Column) -> SparkColumn:
    field = sf.col("decoded")[column.name]
    if column.type is ColumnType.TIME:
        return sf.timestamp_micros(field)
    return _to_bytes(field) if column.type is ColumnType.BYTES else field


def _position() -> dict[str, SparkColumn]:
    return {
        "kafka_topic": sf.col("topic"),
        "kafka_partition": sf.col("partition"),
        "kafka_offset": sf.col("offset"),
    }


def _is_refused(shape: Shape) -> SparkColumn:
    return reduce(or_, (condition for condition, _ in _faults(shape)))


def _reason(shape: Shape) -> SparkColumn:
    return sf.coalesce(*(sf.when(condition, sf.lit(why)) for condition, why in _faults(shape)))


def _faults(shape: Shape) -> list[tuple[SparkColumn, str]]:
    """Each way a decoded message can be wrong, and how to say it; no condition is ever null."""
    faults = [(_not_of_shape(), "not a JSON object with this topic's fields and their types")]
    for column in shape:
        field = sf.col("decoded")[column.name]
        if column.name not in _NULLABLE[shape]:
            faults.append((field.isNull(), f"{column.name} is missing"))
        if column.type is ColumnType.TIME:
            faults.append((_is_not(field.between(0, _YEAR_2100_MICROS)), _range(column.name)))
        if column.type is ColumnType.DOUBLE:
            finite = sf.abs(field) <= _LARGEST_DOUBLE
            faults.append((_is_not(finite), f"{column.name} is not a finite number"))
        if column.type is ColumnType.BYTES:
            faults.append((_to_bytes(field).isNull(), f"{column.name} is not Base64"))
        if shape is TRADE_MESSAGE and column.name == "symbol":
            known = field.rlike(f"^(?:{SYMBOL_PATTERN.pattern})\\z")
            faults.append((_is_not(known), "symbol has characters no symbol has"))
    return faults


def _not_of_shape() -> SparkColumn:
    # Of an array, or of several objects in a row, only the first would be decoded.
    text = sf.col("value").cast("string")
    is_object = text.startswith("{") & ~text.rlike(r"\}\s*\{")
    return (
        _is_not(is_object) | sf.col("decoded").isNull() | sf.col("decoded")[_MALFORMED].isNotNull()
    )


def _is_not(condition: SparkColumn) -> SparkColumn:
    return sf.coalesce(~condition, sf.lit(False))


def _range(name: str) -> str:
    return f"{name} is not between 1970 and 2100 in microseconds"


def _to_bytes(text: SparkColumn) -> SparkColumn:
    return sf.try_to_binary(text, sf.lit("base64"))
