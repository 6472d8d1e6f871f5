"""Whatever comes in, it ends in a table with its reason, and the stream goes on."""

import hashlib
import time
from collections import Counter

import pytest
from confluent_kafka import Producer

from catalog.trade import RAW_LIMIT_BYTES, Trade
from ingest.finnhub import parse_frame
from ingest.frame import Frame
from ingest.recording import open_writer
from tests.ingest.corpus import MALFORMED
from tests.support.instance import wait_until

pytestmark = pytest.mark.integration

GOOD = '{"data":[{"c":null,"p":1.5,"s":"GOOD","t":1700000000000,"v":2}],"type":"trade"}'

NOW = time.time_ns() // 1000
TRADE = Trade("UNDECODABLE", NOW, 1.0, 1.0, None, NOW, "test").to_message()[1]
UNDECODABLE = [
    b"",
    b"\xff\xfe\x00",
    b"not json",
    b"[]",
    b"null",
    b"{}",
    b'{"symbol":"X"}',
    TRADE.replace(b"1.0", b"NaN", 1),
    TRADE.replace(b"1.0", b'"1.0"', 1),
    TRADE.replace(b'"UNDECODABLE"', b"null"),
    TRADE.replace(b'"event_time":', b'"event_time":"late",'),
    TRADE[:-1],
    TRADE + TRADE,
    b"[" * 5000,
    b"x" * (RAW_LIMIT_BYTES + 10),
]


def test_every_malformed_frame_is_rejected_with_its_reason_and_the_stream_goes_on(
    instance, tmp_path
):
    assert len(MALFORMED) >= 60
    path = tmp_path / "malformed.frames.jsonl"
    with open_writer(path) as writer:
        for case in MALFORMED:
            writer.write(Frame(case.raw, NOW))
            writer.write(Frame(GOOD, NOW))
    expected = Counter(told for case in MALFORMED for told in told_of(case))
    before = rejections(instance)
    instance.cli("replay", str(path))
    stored = wait_until(
        lambda: (now := rejections(instance)).total() >= before.total() + expected.total() and now,
        90,
        f"{expected.total()} rejections to be stored",
    )
    assert stored - before == expected
    good = instance.lake_rows("SELECT count(*) FROM trades WHERE symbol = 'GOOD'")
    assert good == [(len(MALFORMED),)]


def told_of(case):
    """What the tables shall tell of a frame: sum, element and reason of each rejection."""
    refused = parse_frame(case.raw, NOW, "test").rejections
    assert len(refused) == case.rejections
    for one in refused:
        assert case.reason in one.reason
        is_whole = one.element_index is None
        digest = hashlib.sha256(case.raw).hexdigest() if is_whole else one.raw_sha256
        yield digest, one.element_index, one.reason


def rejections(instance):
    return Counter(
        instance.lake_rows(
            "SELECT raw_sha256, element_index, reason FROM rejected"
            " WHERE kafka_topic = 'stock-ticks.rejected'"
        )
    )


def test_a_message_that_is_no_trade_is_kept_with_its_place_and_bytes(instance):
    reports = []
    producer = Producer({"bootstrap.servers": instance.broker_settings().server})
    for value in UNDECODABLE:
        producer.produce(
            "stock-ticks", value, b"k", on_delivery=lambda e, m: reports.append((e, m))
        )
    producer.produce("stock-ticks", None, b"k", on_delivery=lambda e, m: reports.append((e, m)))
    assert producer.flush(30) == 0
    sent = {
        (message.partition(), message.offset()): message.value() or b"" for _, message in reports
    }
    places = f"kafka_topic = 'stock-ticks' AND kafka_offset >= {min(o for _, o in sent)}"

    def stored():
        rows = instance.lake_rows(
            "SELECT kafka_partition, kafka_offset, raw, raw_length, reason FROM rejected"
            f" WHERE {places}"
        )
        return rows if len(rows) >= len(sent) else None

    rows = wait_until(stored, 90, "the undecodable messages to be stored")
    assert {(partition, offset): raw for partition, offset, raw, _, _ in rows} == {
        place: value[:RAW_LIMIT_BYTES] for place, value in sent.items()
    }
    assert all(reason for *_, reason in rows)
    lengths = {(partition, offset): length for partition, offset, _, length, _ in rows}
    assert lengths == {place: len(value) for place, value in sent.items()}
