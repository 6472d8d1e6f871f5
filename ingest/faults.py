"""Faults on demand: what real feeds do to their clients, each with its own probability a frame."""

from collections import deque
from dataclasses import dataclass, fields
from enum import Enum
from random import Random
from typing import Self

from catalog.errors import SettingsError

DUPLICATES = 3
LATE_FRAMES = 50

MALFORMED = (
    '{"data":[{"c":["1"],"p":NaN,"s":"AAPL","t":1760000000000,"v":100}],"type":"trade"}',
    '{"data":[{"c":["1"],"p":"231.5","s":"AAPL","t":1760000000000,"v":100}],"type":"trade"}',
    '{"data":[{"c":["1"],"p":231.5,"s":"AAPL","t":1760000000,"v":100}],"type":"trade"}',
    '{"data":[{"c":["1"],"p":-1,"s":"AAPL","t":1760000000000,"v":100}],"type":"trade"}',
    '{"data":[{"c":["@"],"p":231.5,"s":"AAPL","t":1760000000000,"v":100}],"type":"trade"}',
    '{"data":[{"p":231.5,"s":"AAPL","t":1760000000000}],"type":"trade"}',
    '{"data":{"p":231.5},"type":"trade"}',
    '{"data":[',
    '{"type":"news","data":[]}',
    "upstream request timeout",
)


@dataclass(frozen=True, slots=True)
class Faults:
    """The probability of each fault, for every frame sent.

    late: the frame comes 50 frames later. duplicate: it comes three times. out_of_order: it changes
    places with the next. malformed: a broken frame comes before it. half_open: the connection goes
    dead without a word. close: it is cut.
    """

    late: float = 0.0
    duplicate: float = 0.0
    out_of_order: float = 0.0
    malformed: float = 0.0
    half_open: float = 0.0
    close: float = 0.0

    @classmethod
    def parse(cls, texts: list[str]) -> Self:
        """From `name=probability` texts, as the command line has them."""
        names = {field.name for field in fields(cls)}
        chosen = {}
        for text in texts:
            name, _, value = text.partition("=")
            try:
                chosen[name.strip().replace("-", "_")] = probability = float(value)
            except ValueError:
                probability = -1.0
            if name.strip().replace("-", "_") not in names or not 0 <= probability <= 1:
                raise SettingsError(
                    f"{text!r} is no fault: write name=probability, with one of"
                    f" {', '.join(sorted(names))} and a number from 0 to 1."
                )
        return cls(**chosen)


class Cut(Enum):
    """What may happen to the connection itself."""

    HALF_OPEN = "half_open"
    CLOSE = "close"


class FaultInjector:
    """Bends a stream of frames; the same seed and frames give the same faults."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self._faults = faults
        self._any = faults != Faults()
        self._random = Random(f"faults/{seed}")  # noqa: S311
        self._held: deque[tuple[int, str | bytes]] = deque()
        self._count = 0

    def bend(self, frame: str | bytes) -> list[str | bytes | Cut]:
        """What to send in place of this frame, in order."""
        if not self._any:
            return [frame]
        self._count += 1
        out: list[str | bytes | Cut] = []
        if self._happens(self._faults.malformed):
            out.append(self._random.choice(MALFORMED))
        if self._happens(self._faults.out_of_order):
            self._held.append((self._count + 1, frame))
        elif self._happens(self._faults.late):
            self._held.append((self._count + LATE_FRAMES, frame))
        else:
            out.extend([frame] * (DUPLICATES if self._happens(self._faults.duplicate) else 1))
        out.extend(self._due())
        if self._happens(self._faults.half_open):
            out.append(Cut.HALF_OPEN)
        if self._happens(self._faults.close):
            out.append(Cut.CLOSE)
        return out

    def rest(self) -> list[str | bytes]:
        """What is still held back, at the end."""
        frames = [frame for _, frame in self._held]
        self._held.clear()
        return frames

    def _due(self) -> list[str | bytes]:
        due = [frame for at, frame in self._held if at <= self._count]
        self._held = deque(held for held in self._held if held[0] > self._count)
        return due

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability
