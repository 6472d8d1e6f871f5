"""From the feed to the producer: one thread reads frames, this one parses and sends them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from threading import Event, Thread

from catalog.errors import BrokerError
from catalog.logs import get_logger
from catalog.trade import FeedEvent, FeedEventKind
from ingest.feed import Feed
from ingest.finnhub import parse_frame
from ingest.frame import Frame, now_us
from ingest.frame_queue import FrameQueue
from ingest.producer import TradeProducer
from ingest.watch import SymbolWatch

log = get_logger("ingest.pipeline")

HEALTH_EVERY_SECONDS = 30.0

_BATCH = 200
_WAIT_SECONDS = 0.2
_TICK_SECONDS = 1.0
_JOIN_SECONDS = 2.0
_TROUBLE = (FeedEventKind.DISCONNECTED, FeedEventKind.GAP, FeedEventKind.ERROR)


@dataclass(slots=True)
class Counts:
    """What went through, since the start."""

    frames: int = 0
    trades: int = 0
    price_updates: int = 0
    rejected: int = 0
    pings: int = 0
    errors: int = 0


class Pipeline:
    """Runs until the feed ends or `stop` is set, then flushes.

    `on_tick` is called about once a second, from the thread that runs.
    """

    def __init__(
        self,
        feed: Feed,
        producer: TradeProducer,
        watch: SymbolWatch,
        *,
        source: str,
        stop: Event,
        queue: FrameQueue | None = None,
        on_tick: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = now_us,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feed = feed
        self._producer = producer
        self._watch = watch
        self._source = source
        self._stop = stop
        self._queue = FrameQueue() if queue is None else queue
        self._on_tick = on_tick
        self._clock = clock
        self._monotonic = monotonic
        self._next_tick = 0.0
        self._health_at, self._health_trades = monotonic(), 0
        self.counts = Counts()

    def run(self) -> None:
        """Raises what ended the feed for good, or BrokerError when messages stay unacknowledged.

        What was received before that is sent in either case.
        """
        reader = Thread(target=self._read, name="feed", daemon=True)
        reader.start()
        left = 0
        try:
            self._send_all()
        finally:
            self._feed.end()
            self._queue.end()
            left = len(self._queue) + self._producer.flush()
            self._report_health("stopped", left)
            reader.join(_JOIN_SECONDS)
        if left:
            raise BrokerError(
                f"{left} frames or messages were not acknowledged by Kafka before the deadline:"
                " they may not be stored. The next start records the gap."
            )

    def _read(self) -> None:
        try:
            for item in self._feed:
                self._queue.put(item, while_full=self._feed.keep_alive)
        except Exception as error:  # noqa: BLE001 - it is raised again where the items are taken
            self._queue.end(error)
        else:
            self._queue.end()

    def _send_all(self) -> None:
        while (items := self._queue.take(_BATCH, _WAIT_SECONDS)) is not None:
            for item in items:
                if isinstance(item, Frame):
                    self._send_frame(item)
                else:
                    self._send_connection_event(item)
            self._producer.poll()
            if (now := self._monotonic()) >= self._next_tick:
                self._tick(now)
            if self._stop.is_set() and self._producer.is_late():
                break

    def _send_frame(self, frame: Frame) -> None:
        parsed = parse_frame(frame.raw, frame.received_at, self._source)
        counts, producer = self.counts, self._producer
        counts.frames += 1
        counts.trades += len(parsed.trades)
        counts.price_updates += len(parsed.price_updates)
        counts.rejected += len(parsed.rejections)
        counts.pings += parsed.ping
        for trade in parsed.trades:
            producer.send_trade(trade)
        for rejection in parsed.rejections:
            producer.send_rejection(rejection)
        if parsed.trades:
            symbols = {trade.symbol for trade in parsed.trades}
            self._send_events(self._watch.traded(symbols, frame.received_at))
        if parsed.error is not None:
            counts.errors += 1
            self._send_events(self._watch.refused(parsed.error, frame.received_at))

    def _send_connection_event(self, event: FeedEvent) -> None:
        if event.kind is FeedEventKind.CONNECTED:
            self._watch.connected(event.to_time)
        self._send_events((event,))

    def _send_events(self, events: Iterable[FeedEvent]) -> None:
        for event in events:
            tell = log.warning if event.kind in _TROUBLE else log.info
            tell(event.kind.value, symbol=event.symbol, detail=event.detail)
            self._producer.send_event(event)

    def _tick(self, now: float) -> None:
        self._next_tick = now + _TICK_SECONDS
        self._send_events(self._watch.tick(self._clock()))
        self._on_tick()
        if now - self._health_at >= HEALTH_EVERY_SECONDS:
            self._report_health("health", self._producer.unacknowledged)

    def _report_health(self, name: str, unacknowledged: int) -> None:
        now, trades = self._monotonic(), self.counts.trades
        rate = (trades - self._health_trades) / max(now - self._health_at, 0.001)
        self._health_at, self._health_trades = now, trades
        log.info(
            name,
            trades_per_second=round(rate, 1),
            **asdict(self.counts),
            acknowledged=self._producer.acknowledged.total(),
            unacknowledged=unacknowledged,
            queued=len(self._queue),
        )
