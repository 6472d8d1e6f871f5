"""The simulator: a venue that speaks Finnhub's protocol, live from a seed or from a recording.

As a process: `python -m ingest.simulator`. In a test: `with Simulator(token="t") as simulator:`.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self, TypeVar

from catalog.errors import SettingsError, TapehouseError
from catalog.logs import configure_logging, get_logger
from ingest.faults import Faults
from ingest.programs import LiveMarket, Playback, Recorded, Sent
from ingest.simulator_arguments import DEFAULT_RATE, parser
from ingest.venue import Client, Venue, VenueOptions

log = get_logger("ingest.simulator")

_START_SECONDS = 10.0
_T = TypeVar("_T")


class Simulator:
    """Runs a venue in a thread of its own, from entering to leaving the context.

    Without `recording` it trades live: `rate` trades a second over all of a client's symbols, None
    as fast as the client takes them. With one it plays it at `speed`, None at full speed;
    `finished` is set once all is sent, `ended` once the clients have taken it and are closed.
    """

    def __init__(
        self,
        options: VenueOptions,
        *,
        rate: float | None = DEFAULT_RATE,
        recording: Path | Recorded | None = None,
        speed: float | None = None,
    ) -> None:
        if isinstance(recording, Path):
            recording = Recorded.of(recording)
        self._program: LiveMarket | Playback = (
            Playback(recording, speed) if recording else LiveMarket(options.seed, rate)
        )
        self._venue = Venue(options, self._program.attend)
        self._loop = asyncio.new_event_loop()
        self._ready = Event()
        self._stop: asyncio.Event | None = None
        self._failure: TapehouseError | None = None
        self._thread = Thread(target=self._run, name="simulator", daemon=True)
        self.finished = Event()
        self.ended = Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(_START_SECONDS)
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure is not None and kind is None:
            raise self._failure

    @property
    def url(self) -> str:
        """Where it listens, without the token."""
        return self._venue.url

    @property
    def sent(self) -> Sent:
        """What went out so far."""
        return self._program.sent

    @property
    def playback(self) -> Playback:
        """What is being played. Raises SettingsError when nothing is."""
        if isinstance(self._program, Playback):
            return self._program
        raise SettingsError("This simulator plays no recording; give it one.")

    @property
    def connections(self) -> int:
        """How many clients were let in so far."""
        return self._venue.connections

    @property
    def subscriptions(self) -> list[tuple[str, ...]]:
        """The symbols of each client that is connected now, in the order it asked."""
        return self._on_loop(self._subscriptions)

    def send(self, frame: str | bytes) -> None:
        """Send one frame to every client, as it is."""
        self._for_each(lambda client: client.send_plain(frame))

    def close_clients(self, code: int = 1000, reason: str = "") -> None:
        """Close every connection in order."""
        self._for_each(lambda client: client.close(code, reason))

    def cut_clients(self) -> None:
        """Break every connection without a word."""
        self._loop.call_soon_threadsafe(self._venue.cut_clients)

    def freeze_clients(self) -> None:
        """Let every connection go half-open."""
        self._loop.call_soon_threadsafe(self._venue.freeze_clients)

    def throttle(self, times: int, retry_after_seconds: float | None) -> None:
        """Answer the next connects with 429."""
        self._loop.call_soon_threadsafe(self._venue.throttle, times, retry_after_seconds)

    def _for_each(self, act: Callable[[Client], Coroutine[None, None, object]]) -> None:
        async def each() -> None:
            for client in list(self._venue.clients):
                await act(client)

        self._on_loop(each)

    def _on_loop(self, act: Callable[[], Coroutine[None, None, _T]]) -> _T:
        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(_START_SECONDS)

    async def _subscriptions(self) -> list[tuple[str, ...]]:
        return [tuple(client.symbols) for client in self._venue.clients]

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except TapehouseError as error:
            self._failure = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        await self._venue.start()
        self._ready.set()
        play = asyncio.create_task(self._play())
        await self._stop.wait()
        play.cancel()
        await self._venue.stop()

    async def _play(self) -> None:
        if not isinstance(self._program, Playback):
            return
        try:
            await self._program.play(self._venue)
        except TapehouseError as error:
            self._failure = error
        self.finished.set()
        await self._venue.close_clients("end of the recording")
        self.ended.set()


def main(arguments: list[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    options = parser().parse_args(arguments)
    configure_logging([options.token])
    # websockets reports every client that goes without a close; for a simulator that is daily life.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        _run(options, stop)
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _run(options: argparse.Namespace, stop: Event) -> None:
    venue = VenueOptions(
        token=options.token,
        host=options.host,
        port=options.port,
        symbol_limit=options.symbol_limit,
        ping_seconds=options.ping_seconds,
        one_connection=options.one_connection,
        faults=Faults.parse(options.fault),
        seed=options.seed,
    )
    with Simulator(
        venue, rate=options.rate, recording=options.recording, speed=options.speed
    ) as simulator:
        log.info("listening", url=simulator.url)
        while not stop.wait(0.2) and not simulator.ended.is_set():
            pass
    sent = simulator.sent
    log.info("ended", frames=sent.frames, trades=sent.trades, lost_frames=sent.lost_frames)


if __name__ == "__main__":
    sys.exit(main())
