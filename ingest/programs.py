"""What the simulated venue sends: a made-up market as it happens, or a recording."""

import asyncio
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest.finnhub import WireTrade, parse_frame, trade_frame
from ingest.frame import Frame, now_us
from ingest.market import Market
from ingest.recording import read_recording, recording_name
from ingest.venue import Client, Venue

SLOT_MS = 50
MAX_RATE = 50_000.0
"""Trades a second of virtual time when the pace is the client's."""

_MOST_TRADES = 50
_BREATH_FRAMES = 50


@dataclass(slots=True)
class Sent:
    """What a program has sent, and what it would have sent had a client been there."""

    frames: int = 0
    trades: int = 0
    lost_frames: int = 0


class LiveMarket:
    """Trades as they happen: the venue's clock is the real one, a frame covers at most 50 ms.

    With `rate=None` the pace is the client's, and the venue's clock runs as fast as it can take.
    """

    def __init__(self, seed: int, rate: float | None) -> None:
        self._seed = seed
        self._rate = rate
        self.sent = Sent()

    async def attend(self, client: Client) -> None:
        """Serve one client until it leaves."""
        slot = time.time_ns() // 1_000_000 // SLOT_MS
        while True:
            await client.changed.wait()
            client.changed.clear()
            market = Market(self._seed, tuple(sorted(client.symbols)), self._rate or MAX_RATE)
            slot = await self._serve(client, market, max(slot, self._now_slot()))

    async def _serve(self, client: Client, market: Market, slot: int) -> int:
        """Until the subscription changes; returns the slot to go on with."""
        while not client.changed.is_set():
            second = slot * SLOT_MS // 1000
            slots = _slots(market.trades(second))
            end = (second + 1) * 1000 // SLOT_MS
            while slot < end and not client.changed.is_set():
                await self._until(slot + 1)
                await self._send(client, slots.get(slot, []))
                slot += 1
        return slot

    async def _send(self, client: Client, trades: list[WireTrade]) -> None:
        for start in range(0, len(trades), _MOST_TRADES):
            some = trades[start : start + _MOST_TRADES]
            if not await client.send(trade_frame(some)):
                return
            self.sent.frames += 1
            self.sent.trades += len(some)

    async def _until(self, slot: int) -> None:
        wait = slot * SLOT_MS / 1000 - time.time() if self._rate else 0.0
        await asyncio.sleep(max(0.0, wait))

    def _now_slot(self) -> int:
        return time.time_ns() // 1_000_000 // SLOT_MS if self._rate else 0


def _slots(trades: list[WireTrade]) -> dict[int, list[WireTrade]]:
    slots: dict[int, list[WireTrade]] = {}
    for trade in trades:
        slots.setdefault(trade.time_ms // SLOT_MS, []).append(trade)
    return slots


@dataclass(slots=True)
class Contents:
    """What a recording holds: read once before it is played."""

    symbols: set[str] = field(default_factory=set)
    trades: "array[int]" = field(default_factory=lambda: array("I"))  # of each frame

    @classmethod
    def of(cls, path: Path) -> "Contents":
        """Read it all, keeping only the counts, as a client would judge it now.

        Raises RecordingError.
        """
        contents, now = cls(), now_us()
        for frame in read_recording(path):
            parsed = parse_frame(frame.raw, now, "")
            contents.trades.append(len(parsed.trades))
            contents.symbols.update(trade.symbol for trade in parsed.trades)
        return contents


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that can be played: what it holds, and its frames, to be taken once."""

    name: str
    contents: Contents
    frames: Iterator[Frame]

    @classmethod
    def of(cls, path: Path) -> "Recorded":
        """That of a file. Raises RecordingError."""
        return cls(recording_name(path), Contents.of(path), read_recording(path))


class Playback:
    """A recording, played once to clients that subscribed to all its symbols.

    It starts with the first such client. At a finite speed its clock then goes on, and what is due
    while no client is there is lost; at full speed (None) it waits for one. Nothing is sent twice.
    """

    def __init__(self, recorded: Recorded, speed: float | None) -> None:
        self._frames = recorded.frames
        self._speed = speed
        self.contents = recorded.contents
        self.sent = Sent()
        self._is_over = False

    async def attend(self, client: Client) -> None:
        """All hear the same, so nothing for one alone but, after the end, a goodbye."""
        if self._is_over:
            await client.close(1000, "end of the recording")

    async def play(self, venue: Venue) -> None:
        """Play it through. Raises RecordingError if a frame cannot be read."""

        def is_heard() -> bool:
            return any(self._listeners(venue))

        began: float | None = None
        first = 0
        for index, frame in enumerate(self._frames):
            if began is None or self._speed is None:
                if not is_heard():
                    await venue.wait_for(is_heard)
                if began is None:
                    began, first = time.monotonic(), frame.received_at
            if self._speed is not None:
                due = began + (frame.received_at - first) / 1e6 / self._speed
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            elif index % _BREATH_FRAMES == 0:
                await asyncio.sleep(0)
            await self._send(venue, frame.raw, self.contents.trades[index])
        for client in list(venue.clients):
            await client.send_rest()
        self._is_over = True

    async def _send(self, venue: Venue, raw: bytes | str, trades: int) -> None:
        heard = [await client.send(raw) for client in list(self._listeners(venue))]
        if any(heard):
            self.sent.frames += 1
            self.sent.trades += trades
        else:
            self.sent.lost_frames += 1

    def _listeners(self, venue: Venue) -> Iterator[Client]:
        return (c for c in venue.clients if self.contents.symbols <= c.symbols.keys())
