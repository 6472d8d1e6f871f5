"""The simulator: a venue that speaks Finnhub's protocol, live from a seed or from a recording.

As a process: `python -m ingest.simulator`. In a test: `with Simulator(token="t") as simulator:`.
"""

import argparse
import asyncio
import logging
import os
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
from ingest.programs import LiveMarket, Playback, Sent
from ingest.venue import Client, Venue, VenueOptions

log = get_logger("ingest.simulator")

DEFAULT_RATE = 25.0

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
        recording: Path | None = None,
        speed: float | None = None,
    ) -> None:
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


_EPILOG = """\
examples:
  python -m ingest.simulator --port 8765 --token secret        25 trades a second, for ever
  python -m ingest.simulator --rate 200 --seed 7               another market, busier
  python -m ingest.simulator --rate max                        as fast as the client takes them
  python -m ingest.simulator --recording day.frames.jsonl.zst --speed 10
  python -m ingest.simulator --fault duplicate=0.01 --fault late=0.02 --fault half_open=0.0001

Point the producer at it: TAPEHOUSE_FEED_URL=ws://127.0.0.1:8765 FINNHUB_API_TOKEN=secret
TAPEHOUSE_FEED_SOURCE=simulator python -m ingest

A recording starts when a client has subscribed to all its symbols, ends with a close, and then
the simulator ends too. What is due while no client is there is lost, except at full speed, where
it waits for one.
"""


def main(arguments: list[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ingest.simulator",
        description="A market that never shuts, or a recording, in Finnhub's protocol.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=0, help="port; 0, the default, finds a free one")
    add(
        "--token",
        default=os.environ.get("FINNHUB_API_TOKEN", ""),
        help="what clients must give; FINNHUB_API_TOKEN keeps it out of the process list",
    )
    add("--seed", type=int, default=1, help="same seed, same market (default %(default)s)")
    add("--rate", type=_or_max, default=DEFAULT_RATE, help="trades a second, or max (default 25)")
    add("--recording", type=Path, help="play this file instead of the market")
    add("--speed", type=_or_max, default=1.0, help="of the recording: 1, 10, ... or max")
    add("--symbol-limit", type=int, default=50, help="symbols a client may subscribe to")
    add("--ping-seconds", type=float, default=60.0, help="time between pings")
    add("--one-connection", action="store_true", help="a second client drops both, as a key's does")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=PROBABILITY",
        help="per frame: late, duplicate, out_of_order, malformed, half_open, close",
    )
    return parser


def _or_max(text: str) -> float | None:
    """A number above zero; None for max."""
    if text == "max":
        return None
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError("must be above zero, or max")
    return number


if __name__ == "__main__":
    sys.exit(main())
