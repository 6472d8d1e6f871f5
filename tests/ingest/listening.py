"""A feed read on a thread of its own, for tests that watch what comes out."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from pydantic import SecretStr
from tenacity import wait_fixed

from catalog.settings import FeedSettings
from catalog.trade import FeedEvent, FeedEventKind
from ingest.backoff import Backoff
from ingest.feed import Feed, FeedTiming
from ingest.finnhub import parse_frame
from ingest.frame import Frame
from ingest.venue import VenueOptions

TOKEN = "canary-4f1d0c77"
SYMBOLS = ("BINANCE:BTCUSDT", "AAPL", "NVDA")
QUICK = FeedTiming(connect_timeout=5, ping_after=0.3, pong_timeout=0.3)
DEADLINE_SECONDS = 20.0


def options(**changes) -> VenueOptions:
    return VenueOptions(**{"token": TOKEN, "seed": 7, **changes})


def settings(url: str, token: str = TOKEN, symbols: tuple[str, ...] = SYMBOLS) -> FeedSettings:
    return FeedSettings.read(token=SecretStr(token), url=url, symbols=symbols, source="test")


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


class Listener:
    """What a feed yielded so far, and what it ended with."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.items: list[Frame | FeedEvent] = []
        self.error: Exception | None = None
        self.thread = Thread(target=self._listen, daemon=True)

    def events(self, kind: FeedEventKind) -> list[FeedEvent]:
        return [i for i in list(self.items) if isinstance(i, FeedEvent) and i.kind is kind]

    def frames(self) -> list[Frame]:
        return [item for item in list(self.items) if isinstance(item, Frame)]

    def symbols(self) -> set[str]:
        return {
            trade.symbol
            for frame in self.frames()
            for trade in parse_frame(frame.raw, frame.received_at, "test").trades
        }

    def _listen(self) -> None:
        try:
            for item in self.feed:
                self.items.append(item)
        except Exception as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error


@contextmanager
def listening(feed_settings: FeedSettings, **arguments) -> Iterator[Listener]:
    stop = Event()
    arguments.setdefault("backoff", Backoff(wait_fixed(0.01)))
    arguments.setdefault("timing", QUICK)
    listener = Listener(Feed(feed_settings, stop=stop, **arguments))
    listener.thread.start()
    try:
        yield listener
    finally:
        stop.set()
        listener.thread.join(DEADLINE_SECONDS)
        assert not listener.thread.is_alive()
