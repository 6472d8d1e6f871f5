"""From a real WebSocket to a stand-in for Kafka; the real one is in tests/integration."""

from collections import Counter
from threading import Event, Thread

import pytest
from websockets.asyncio.server import ServerConnection

from catalog.errors import BrokerError, FeedRefusedError
from catalog.trade import FeedEventKind
from ingest.feed import Feed, FeedTiming
from ingest.finnhub import error_frame
from ingest.frame_queue import FrameQueue
from ingest.pipeline import Pipeline
from ingest.simulator import Simulator
from ingest.watch import SymbolWatch
from tests.ingest.corpus import MALFORMED
from tests.ingest.listening import QUICK, SYMBOLS, options, settings, wait_until


class Kafka:
    """Keeps what is sent; `gate` shut is a broker that is away, `left` what it never took."""

    def __init__(self):
        self.trades, self.rejections, self.events = [], [], []
        self.acknowledged = Counter()
        self.gate = Event()
        self.gate.set()
        self.failure = None
        self.left = 0

    def send_trade(self, trade):
        self.gate.wait(20)
        self.trades.append(trade)

    def send_rejection(self, rejection):
        self.rejections.append(rejection)

    def send_event(self, event):
        self.events.append(event)

    def poll(self, seconds=0.0):
        if self.failure:
            raise self.failure

    def flush(self):
        return self.left

    def is_late(self):
        return False

    @property
    def unacknowledged(self):
        return 0

    def kinds(self):
        return [event.kind for event in self.events]


@pytest.fixture
def pongs(monkeypatch):
    """Each pong that a venue gets: whether it answers a ping of its own."""
    heard: list[bool] = []
    acknowledge = ServerConnection.acknowledge_pings

    def note(connection, data):
        heard.append(data in connection.pending_pings)
        acknowledge(connection, data)

    monkeypatch.setattr(ServerConnection, "acknowledge_pings", note)
    return heard


class Running:
    def __init__(self, simulator, kafka, queue=None, timing=QUICK, **arguments):
        self.stop, self.error = Event(), None
        feed_settings = settings(simulator.url, **arguments)
        self.pipeline = Pipeline(
            Feed(feed_settings, stop=self.stop, timing=timing),
            kafka,
            SymbolWatch(SYMBOLS, "test", 600.0),
            source="test",
            stop=self.stop,
            queue=queue,
        )
        self.thread = Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            self.pipeline.run()
        except Exception as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_every_trade_that_was_sent_arrives_once_and_in_order():
    kafka = Kafka()
    with Simulator(options(), rate=500) as simulator:
        with Running(simulator, kafka) as running:
            wait_until(lambda: len(kafka.trades) > 200, "trades")
        assert running.error is None
    for symbol in SYMBOLS:
        times = [trade.event_time for trade in kafka.trades if trade.symbol == symbol]
        assert times == sorted(times)
    assert running.pipeline.counts.trades == len(kafka.trades)
    assert kafka.kinds()[0] is FeedEventKind.CONNECTED
    assert kafka.kinds()[-1] is FeedEventKind.DISCONNECTED
    assert kafka.kinds().count(FeedEventKind.SUBSCRIBED) == len(SYMBOLS)


def test_malformed_frames_become_rejections_and_the_stream_goes_on():
    kafka = Kafka()
    cases = [case for case in MALFORMED if len(case.raw) < 1_000_000]
    with (
        Simulator(options(), rate=0.000001) as simulator,
        Running(simulator, kafka) as running,
    ):
        wait_until(lambda: simulator.subscriptions == [SYMBOLS], "the subscription")
        for case in cases:
            simulator.send(case.raw)
        expected = sum(case.rejections for case in cases)
        wait_until(lambda: len(kafka.rejections) >= expected, "the rejections")
        assert simulator.connections == 1
    counts = running.pipeline.counts
    assert counts.rejected == len(kafka.rejections) == expected
    assert counts.trades == sum(case.trades for case in cases)
    assert running.error is None


def test_while_the_broker_is_away_reading_goes_on_and_the_connection_lives(pongs):
    kafka = Kafka()
    with Simulator(options(ping_seconds=0.2, keepalive_seconds=0.1), rate=300) as simulator:
        with Running(simulator, kafka) as running:
            wait_until(lambda: kafka.trades, "a trade")
            kafka.gate.clear()
            before = simulator.sent.trades
            wait_until(lambda: simulator.sent.trades > before + 500, "trades in the outage")
            wait_until(lambda: len(running.pipeline._queue) > 10, "frames to queue up")
            answered = len(pongs)
            wait_until(lambda: len(pongs) > answered + 5, "answers to the venue's pings")
            assert all(pongs)
            held = len(kafka.trades)
            kafka.gate.set()
            wait_until(lambda: len(kafka.trades) > held + 500, "what had queued up")
        assert simulator.connections == 1
        assert FeedEventKind.GAP not in kafka.kinds()


def test_with_the_queue_full_the_peer_waits_hears_that_we_live_and_nothing_is_lost(pongs):
    kafka = Kafka()
    queue = FrameQueue(max_items=20)
    timing = FeedTiming(keep_alive_every=0.1)
    with Simulator(options(), rate=None) as simulator:
        with Running(simulator, kafka, queue, timing):
            wait_until(lambda: kafka.trades, "a trade")
            kafka.gate.clear()
            wait_until(lambda: len(queue) == 20, "a full queue")
            wait_until(lambda: is_steady(lambda: simulator.sent.frames), "the venue to wait")
            told = len(pongs)
            wait_until(lambda: len(pongs) > told + 1, "pongs that the venue did not ask for")
            assert not any(pongs)
            assert len(queue) == 20
            kafka.gate.set()
            held = len(kafka.trades)
            wait_until(lambda: len(kafka.trades) > held + 10_000, "trades after the outage")
        assert simulator.connections == 1
    times = [trade.event_time for trade in kafka.trades]
    assert times == sorted(times)


def test_an_error_frame_becomes_an_event():
    kafka = Kafka()
    with (
        Simulator(options(), rate=0.000001) as simulator,
        Running(simulator, kafka),
    ):
        wait_until(lambda: simulator.subscriptions == [SYMBOLS], "the subscription")
        simulator.send(error_frame("Something is wrong"))
        wait_until(lambda: FeedEventKind.ERROR in kafka.kinds(), "the event")
    assert "Something is wrong" in [event.detail for event in kafka.events]


def test_a_refusal_ends_it_with_the_events_before_it_sent():
    kafka = Kafka()
    with (
        Simulator(options(), rate=300) as simulator,
        Running(simulator, kafka, token="wrong") as running,
    ):
        running.thread.join(20)
    assert isinstance(running.error, FeedRefusedError)
    assert kafka.kinds() == [FeedEventKind.ERROR]


def test_a_failed_delivery_ends_it():
    kafka = Kafka()
    with (
        Simulator(options(), rate=300) as simulator,
        Running(simulator, kafka) as running,
    ):
        wait_until(lambda: kafka.trades, "a trade")
        kafka.failure = BrokerError("refused")
        running.thread.join(20)
    assert isinstance(running.error, BrokerError)


def test_what_could_not_be_flushed_is_an_error_that_says_how_much():
    kafka = Kafka()
    kafka.left = 17
    with Simulator(options(), rate=300) as simulator, Running(simulator, kafka) as running:
        wait_until(lambda: kafka.trades, "a trade")
    assert isinstance(running.error, BrokerError)
    assert "17 frames or messages" in str(running.error)


def is_steady(value):
    before = value()
    Event().wait(0.3)
    return value() == before
