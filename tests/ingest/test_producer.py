"""The real client, at a port where nothing listens or at librdkafka's own stand-in for a broker."""

import time
from threading import Event, Thread

import pytest
from confluent_kafka import KafkaError

from catalog.errors import BrokerError
from catalog.settings import BrokerSettings
from catalog.trade import FeedEvent, FeedEventKind, Rejection, Trade
from ingest import producer
from ingest.producer import TradeProducer
from tests.ingest.listening import wait_until
from tests.support.local_lake import free_ports

TRADE = Trade("AAPL", 1_700_000_000_000_000, 1.5, 2.0, None, 1_700_000_000_000_001, "test")


@pytest.fixture
def nobody() -> BrokerSettings:
    """The address of a broker that is away."""
    [port] = free_ports(1)
    return BrokerSettings.read(server=f"127.0.0.1:{port}")


@pytest.fixture
def answering(nobody, monkeypatch) -> BrokerSettings:
    """The address of a broker that acknowledges all it gets."""
    monkeypatch.setitem(producer._SETTINGS, "test.mock.num.brokers", 1)
    return nobody


def test_what_is_acknowledged_is_counted_and_logged_with_its_place(answering, tmp_path):
    log = tmp_path / "deliveries"
    with TradeProducer(answering, delivery_log=log) as sender:
        for _ in range(3):
            sender.send_trade(TRADE)
        sender.send_rejection(Rejection.of(b"x", "unread", 1))
        sender.send_event(FeedEvent(FeedEventKind.CONNECTED, None, 1, 1, "", "test"))
        assert sender.unacknowledged == 5
        assert sender.flush() == 0
    topics = answering.topics
    assert sender.sent == {topics.trades: 3, topics.rejected: 1, topics.feed_events: 1}
    assert sender.acknowledged == sender.sent
    [place] = [place for topic, place in sender.offsets if topic == topics.trades]
    assert sender.offsets[topics.trades, place] == 2
    logged = [line.split() for line in log.read_text().splitlines()]
    assert [line for line in logged if line[0] == topics.trades] == [
        [topics.trades, str(place), str(offset)] for offset in range(3)
    ]
    assert len(logged) == 5


def test_a_flush_gives_up_at_its_deadline_and_says_what_is_left(nobody):
    sender = TradeProducer(nobody, flush_seconds=0.4)
    for _ in range(3):
        sender.send_trade(TRADE)
    began = time.monotonic()
    assert sender.flush() == 3
    assert 0.4 <= time.monotonic() - began < 5
    assert sender.unacknowledged == 3
    # The deadline is the stop's, not each call's.
    began = time.monotonic()
    assert sender.flush() == 3
    assert time.monotonic() - began < 0.4


def test_with_its_buffer_full_a_send_waits_until_the_stops_deadline(nobody, monkeypatch):
    monkeypatch.setitem(producer._SETTINGS, "queue.buffering.max.messages", 5)
    stop, errors = Event(), []
    sender = TradeProducer(nobody, stop=stop, flush_seconds=0.4)

    def send() -> None:
        try:
            while True:
                sender.send_trade(TRADE)
        except BrokerError as error:
            errors.append(error)

    thread = Thread(target=send, daemon=True)
    thread.start()
    wait_until(lambda: sender.sent.total() == 5, "a full buffer")
    thread.join(1)
    assert thread.is_alive()
    assert sender.sent.total() == 5
    stop.set()
    thread.join(10)
    [error] = errors
    assert "did not take all messages" in str(error)
    assert sender.sent.total() == 5


def test_a_failed_delivery_is_fatal_and_no_acknowledgement(nobody, monkeypatch):
    monkeypatch.setitem(producer._SETTINGS, "message.timeout.ms", 100)
    sender = TradeProducer(nobody, flush_seconds=10)
    sender.send_trade(TRADE)
    with pytest.raises(BrokerError, match="refused a message"):
        sender.flush()
    assert sender.acknowledged.total() == 0
    with pytest.raises(BrokerError):
        sender.poll()


def test_a_broker_out_of_reach_is_waited_for_and_a_fatal_error_is_not(nobody):
    sender = TradeProducer(nobody)
    sender.send_trade(TRADE)
    for _ in range(10):
        sender.poll(0.05)
    assert sender.unacknowledged == 1
    sender._on_error(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "fenced", fatal=True))
    with pytest.raises(BrokerError, match="fenced"):
        sender.poll()


def test_a_message_that_no_broker_would_take_is_refused_at_once(nobody):
    sender = TradeProducer(nobody)
    with pytest.raises(BrokerError, match="too large"):
        sender.send_rejection(Rejection(b"x" * 2_000_000, 2_000_000, "", None, "huge", 1))
    assert sender.sent.total() == 0
