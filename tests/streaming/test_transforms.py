import gc
import hashlib
import json
import warnings
from datetime import UTC, datetime

import pytest
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    TimestampType,
)

from catalog.schema import FEED_EVENTS, REJECTED, TRADES, ColumnType
from catalog.topics import Topics
from catalog.trade import RAW_LIMIT_BYTES, FeedEvent, FeedEventKind, Rejection, Trade
from streaming.transforms import (
    feed_event_rows,
    judged,
    not_trades,
    rejected_rows,
    valid_trades,
)

TOPICS = Topics("ticks")
KAFKA_TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
GOOD = Trade("AAPL", 1_700_000_000_123_456, 190.25, 3.0, (1, 12), 1_700_000_000_200_000, "finnhub")
SPARK_TYPES = {
    ColumnType.TEXT: StringType(),
    ColumnType.BYTES: BinaryType(),
    ColumnType.INT: IntegerType(),
    ColumnType.LONG: LongType(),
    ColumnType.DOUBLE: DoubleType(),
    ColumnType.INTS: ArrayType(IntegerType()),
    ColumnType.TIME: TimestampType(),
}


def collect(rows):
    """PySpark leaves its result socket to the garbage collector, which warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = rows.collect()
        gc.collect()
    return found


def micros(time):
    """PySpark's naive times are in the machine's own zone."""
    return round(time.timestamp() * 1_000_000)


def changed(**fields):
    return json.dumps(json.loads(GOOD.to_message()[1]) | fields).encode()


def without(name):
    fields = json.loads(GOOD.to_message()[1])
    del fields[name]
    return json.dumps(fields).encode()


ACCEPTED = {
    "as the producer writes it": GOOD.to_message()[1],
    "no conditions": changed(conditions=None),
    "conditions left out": without("conditions"),
    "an empty list of conditions": changed(conditions=[]),
    "a field more": changed(venue="X"),
    "whole numbers": changed(price=190, size=3),
    "a price of zero": changed(price=0),
    "a crypto symbol": changed(symbol="BINANCE:BTCUSDT"),
}
REFUSED = {
    "nothing": None,
    "empty": b"",
    "a blank": b" ",
    "not JSON": b"garbage",
    "binary": b"\xff\xfe\x00",
    "half an object": b'{"symbol":"AAPL"',
    "deep": b"[" * 5000,
    "deep objects": b'{"a":' * 5000,
    "null": b"null",
    "a number": b"7",
    "a text": b'"AAPL"',
    "a list": b"[" + GOOD.to_message()[1] + b"]",
    "an empty object": b"{}",
    "a price as text": changed(price="190"),
    "a price that is no number": changed(price="NaN"),
    "a bare NaN": changed(price=1).replace(b'"price": 1', b'"price": NaN'),
    "an infinite price": changed(price=1).replace(b'"price": 1', b'"price": 1e999'),
    "a price as an object": changed(price={}),
    "a size as a truth value": changed(size=True),
    "a time with a fraction": changed(event_time=1.5),
    "a time as text": changed(event_time="2026-01-01"),
    "a time beyond 64 bits": changed(event_time=10**30),
    "a time in nanoseconds": changed(event_time=1_700_000_000_123_456_789),
    "a time before 1970": changed(event_time=-1),
    "a condition that is no number": changed(conditions=["x"]),
    "a condition beyond 32 bits": changed(conditions=[2**31]),
    "conditions as a number": changed(conditions=1),
    "a symbol with a slash": changed(symbol="../../etc"),
    "a symbol with a line break": changed(symbol="AAPL\n"),
    "an empty symbol": changed(symbol=""),
    "a long symbol": changed(symbol="A" * 33),
    **{f"{name} left out": without(name) for name in ("symbol", "event_time", "price", "size")},
    **{f"{name} null": changed(**{name: None}) for name in ("received_at", "source")},
}


def messages(spark, values, topic=TOPICS.trades):
    rows = [(topic, 1, 100 + place, KAFKA_TIME, value) for place, value in enumerate(values)]
    return spark.createDataFrame(
        rows, "topic string, partition int, offset long, timestamp timestamp, value binary"
    )


def kept(spark, values, topic=TOPICS.trades):
    return judged(not_trades(messages(spark, values, topic), TOPICS), TOPICS)


@pytest.fixture(scope="module")
def corpus(spark):
    """Everything at once: offsets of accepted and of refused messages, with the reasons."""
    values = [*ACCEPTED.values(), *REFUSED.values()]
    accepted = [row.kafka_offset for row in collect(valid_trades(messages(spark, values)))]
    refused = collect(rejected_rows(kept(spark, values), TOPICS))
    return accepted, {row.kafka_offset: row.reason for row in refused}


@pytest.mark.parametrize("place", range(len(ACCEPTED)), ids=list(ACCEPTED))
def test_a_decodable_message_becomes_a_trade_and_nothing_else(corpus, place):
    accepted, refused = corpus
    assert accepted.count(100 + place) == 1
    assert 100 + place not in refused


@pytest.mark.parametrize("place", range(len(REFUSED)), ids=list(REFUSED))
def test_an_undecodable_message_is_rejected_with_a_reason_and_nothing_else(corpus, place):
    accepted, refused = corpus
    offset = 100 + len(ACCEPTED) + place
    assert offset not in accepted
    assert refused[offset]


def test_a_trade_s_row_holds_what_its_message_said(spark):
    (row,) = collect(valid_trades(messages(spark, [GOOD.to_message()[1]])))
    fields = row.asDict()
    times = {name: micros(fields.pop(name)) for name in ("event_time", "received_at", "kafka_time")}
    assert times == {
        "event_time": GOOD.event_time,
        "received_at": GOOD.received_at,
        "kafka_time": micros(KAFKA_TIME),
    }
    assert fields == {
        "symbol": "AAPL",
        "price": 190.25,
        "size": 3.0,
        "trade_value": 570.75,
        "conditions": [1, 12],
        "source": "finnhub",
        "kafka_partition": 1,
        "kafka_offset": 100,
    }


def test_an_undecodable_message_is_kept_as_it_came(spark):
    (row,) = collect(rejected_rows(kept(spark, [b"\xffgarbage"]), TOPICS))
    assert bytes(row.raw) == b"\xffgarbage"
    assert row.raw_length == 8
    assert row.raw_sha256 == hashlib.sha256(b"\xffgarbage").hexdigest()
    assert (row.kafka_topic, row.kafka_partition, row.kafka_offset) == ("ticks", 1, 100)
    assert micros(row.received_at) == micros(KAFKA_TIME)


def test_a_huge_message_is_cut_but_its_length_and_sum_are_of_all_of_it(spark):
    huge = b"x" * (RAW_LIMIT_BYTES + 1)
    (row,) = collect(rejected_rows(kept(spark, [huge]), TOPICS))
    assert bytes(row.raw) == huge[:-1]
    assert row.raw_length == len(huge)
    assert row.raw_sha256 == hashlib.sha256(huge).hexdigest()


def test_the_producer_s_rejections_are_read(spark):
    rejection = Rejection.of(b"\x00raw", "not JSON", 1_700_000_000_000_001, 3)
    rows = kept(spark, [rejection.to_message()[1]], TOPICS.rejected)
    (row,) = collect(rejected_rows(rows, TOPICS))
    assert bytes(row.raw) == b"\x00raw"
    assert (row.reason, row.element_index) == ("not JSON", 3)
    assert micros(row.received_at) == 1_700_000_000_000_001
    assert row.kafka_topic == TOPICS.rejected


@pytest.mark.parametrize("topic", [TOPICS.rejected, TOPICS.feed_events])
def test_an_undecodable_message_of_another_topic_is_rejected_too(spark, topic):
    rows = kept(spark, [b"garbage", b'{"raw":"*"}'], topic)
    assert rejected_rows(rows, TOPICS).count() == 2
    assert feed_event_rows(rows, TOPICS).count() == 0


def test_a_rejection_whose_bytes_are_not_base64_is_rejected_itself(spark):
    fields = json.loads(Rejection.of(b"raw", "why", 1).to_message()[1]) | {"raw": "*"}
    rows = kept(spark, [json.dumps(fields).encode()], TOPICS.rejected)
    (row,) = collect(rejected_rows(rows, TOPICS))
    assert row.reason == "raw is not Base64"


def test_the_feed_s_events_are_read(spark):
    event = FeedEvent(FeedEventKind.GAP, None, 1, 2_000_000, "away", "finnhub")
    rows = kept(spark, [event.to_message()[1]], TOPICS.feed_events)
    (row,) = collect(feed_event_rows(rows, TOPICS))
    assert (row.kind, row.symbol, row.detail) == ("gap", None, "away")
    assert micros(row.to_time) == 2_000_000
    assert rejected_rows(rows, TOPICS).count() == 0


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (TRADES, lambda spark: valid_trades(messages(spark, []))),
        (REJECTED, lambda spark: rejected_rows(kept(spark, []), TOPICS)),
        (FEED_EVENTS, lambda spark: feed_event_rows(kept(spark, []), TOPICS)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_rows_have_the_table_s_columns_in_order(spark, table, rows):
    found = [(field.name, field.dataType) for field in rows(spark).schema.fields]
    assert found == [(column.name, SPARK_TYPES[column.type]) for column in table.columns]


def test_a_message_is_parsed_once(spark):
    plan = valid_trades(messages(spark, []))._jdf.queryExecution().optimizedPlan().toString()
    assert plan.count("from_json") == 1
