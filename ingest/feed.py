"""The feed: connect, subscribe, keep alive, reconnect, resubscribe; frames come out unread."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event

from catalog.errors import FeedError, FeedRefusedError
from catalog.settings import FeedSettings
from catalog.trade import FeedEvent, FeedEventKind
from ingest.backoff import Backoff
from ingest.connection import Connection, Quiet
from ingest.finnhub import Subscription
from ingest.frame import Frame, now_us

_US = 1_000_000


@dataclass(frozen=True, slots=True)
class FeedTiming:
    """When the feed loses patience. All in seconds."""

    connect_timeout: float = 15.0
    ping_after: float = 20.0  # of silence
    pong_timeout: float = 10.0
    calm_after: float = 60.0  # a connection that held so long starts the backoff anew
    keep_alive_every: float = 5.0


@dataclass(slots=True)
class _Life:
    """When the peer last gave a sign of life, on the monotonic clock."""

    seen: float
    asked: float | None = None
    kept_alive: float = 0.0

    def sign(self, now: float) -> None:
        self.seen, self.asked = now, None

    def forgive(self, seconds: float) -> None:
        """Time in which we did not read is no silence of the peer's."""
        self.seen += seconds
        if self.asked is not None:
            self.asked += seconds


def is_transient(error: BaseException) -> bool:
    """Whether connecting again may help. The one place that decides it."""
    return isinstance(error, FeedError) and not isinstance(error, FeedRefusedError)


class Feed:
    """Iterate to connect; yields frames and feed events in the order they happened.

    Ends when `stop` is set, or after a disconnect when `reconnect()` is false. Raises
    FeedRefusedError when the vendor refuses for good. `last_received_at` (microseconds) is where an
    earlier run left off: the first connect then reports the gap since.
    """

    def __init__(
        self,
        settings: FeedSettings,
        *,
        stop: Event | None = None,
        last_received_at: int | None = None,
        reconnect: Callable[[], bool] = lambda: True,
        timing: FeedTiming | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], int] = now_us,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._settings = settings
        self._stop = stop or Event()
        self._last_received_at = last_received_at
        self._reconnect = reconnect
        self._timing = timing or FeedTiming()
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep or self._stop.wait
        self._connection: Connection | None = None
        self._life = _Life(0.0)
        self._was_connected = False
        self._subscribed = False
        self._ended = False

    @property
    def is_subscribed(self) -> bool:
        """Whether it is connected and has asked for every symbol; from any thread."""
        return self._subscribed

    def __iter__(self) -> Iterator[Frame | FeedEvent]:
        while not self._is_over():
            began = self._monotonic()
            try:
                yield from self._session()
            except FeedError as error:
                yield self._failure(error)
                if not is_transient(error):
                    raise
                if not self._reconnect():
                    return
                self._pause(error, self._monotonic() - began)

    def end(self) -> None:
        """Stop iterating soon; for the taker of the items, from another thread."""
        self._ended = True

    def keep_alive(self) -> None:
        """For the reader that cannot take the next item yet: show the peer that we live.

        It sends a pong that nobody asked for: a ping of the peer's waits behind the frames that are
        not taken, and is answered only when its turn comes. A peer that takes any pong for life is
        content; one that insists on its own ping's may hang up, which becomes a recorded gap.
        Called from the thread that iterates, as often as it likes; a failure shows at the next
        read.
        """
        now = self._monotonic()
        due = now - self._life.kept_alive >= self._timing.keep_alive_every
        if self._connection is None or not due:
            return
        self._life.kept_alive = now
        try:
            self._connection.pong()
        except FeedError:
            return

    def _is_over(self) -> bool:
        return self._ended or self._stop.is_set()

    def _session(self) -> Iterator[Frame | FeedEvent]:
        connection = Connection.open(
            self._settings.url,
            self._settings.token.get_secret_value(),
            self._timing.connect_timeout,
        )
        self._connection = connection
        self._was_connected = True
        self._life = _Life(self._monotonic())
        try:
            yield from self._connected()
            for symbol in self._settings.symbols:
                connection.send(Subscription(symbol).to_text())
            self._subscribed = True
            yield from self._read(connection)
            now = self._clock()
            yield self._event(FeedEventKind.DISCONNECTED, now, now, "stopped here")
        finally:
            self._subscribed = False
            self._connection = None
            connection.close()

    def _connected(self) -> Iterator[FeedEvent]:
        now = self._clock()
        detail = f"subscribing to {len(self._settings.symbols)} symbols"
        yield self._event(FeedEventKind.CONNECTED, now, now, detail)
        if self._last_received_at is not None and self._last_received_at < now:
            missed = (now - self._last_received_at) / _US
            detail = f"what came in these {missed:.3f} s is not stored; the feed has no replay"
            yield self._event(FeedEventKind.GAP, self._last_received_at, now, detail)

    def _read(self, connection: Connection) -> Iterator[Frame]:
        life, monotonic = self._life, self._monotonic
        while not self._is_over():
            raw = connection.receive()
            now = monotonic()
            if raw is Quiet.NOTHING:
                self._check(life, connection, now)
                continue
            life.sign(now)
            if isinstance(raw, bytes):
                received_at = self._last_received_at = self._clock()
                yield Frame(raw, received_at)
                life.forgive(monotonic() - now)

    def _check(self, life: _Life, connection: Connection, now: float) -> None:
        timing = self._timing
        if life.asked is None:
            if now - life.seen >= timing.ping_after:
                connection.ping()
                life.asked = now
        elif now - life.asked >= timing.pong_timeout:
            raise FeedError(
                f"The feed is silent for {now - life.seen:.0f} s and answers no ping: the"
                " connection is taken for dead."
            )

    def _failure(self, error: FeedError) -> FeedEvent:
        """A connection lost, or one that never came about."""
        now = self._clock()
        if not self._was_connected:
            return self._event(FeedEventKind.ERROR, now, now, str(error))
        self._was_connected = False
        since = self._last_received_at or now
        return self._event(FeedEventKind.DISCONNECTED, since, now, str(error))

    def _pause(self, error: FeedError, lived_seconds: float) -> None:
        if lived_seconds >= self._timing.calm_after:
            self._backoff.reset()
        self._sleep(self._backoff.after(error))

    def _event(self, kind: FeedEventKind, since: int, until: int, detail: str) -> FeedEvent:
        return FeedEvent(kind, None, since, until, detail, self._settings.source)
