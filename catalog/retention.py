"""Which snapshots are kept: every one for minutes, then one of each slot of time, thinner with age.

Values in, values out. A ladder's rungs are read from a text such as `10m:all,1h:1m,1d:15m`: every
snapshot for 10 minutes, then the last of each minute for 1 hour, then of each quarter of an hour
for 1 day. Slots are cut at whole multiples since the epoch and pass from rung to rung whole, so the
same snapshots are kept however often this is asked: what is kept later was kept before.

Times are milliseconds since the epoch, as Iceberg's are.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

DEFAULT_LADDER = "10m:all,1h:1m,1d:15m,7d:1h,400d:1d"

_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LENGTH = re.compile(r"([1-9][0-9]{0,6})([smhd])")


class Kept(NamedTuple):
    """One snapshot of a table's history, as far as retention cares."""

    snapshot_id: int
    committed_ms: int


@dataclass(frozen=True, slots=True)
class Rung:
    """For `for_ms` after the rung before it, the last of each `slot_ms` is kept; 0: every one."""

    for_ms: int
    slot_ms: int

    def __str__(self) -> str:
        return f"{_length(self.for_ms)}:{_length(self.slot_ms) if self.slot_ms else 'all'}"


def parse_rungs(text: str) -> tuple[Rung, ...]:
    """A ladder from its text. Raises ValueError, which says what is wrong with which rung."""
    rungs = tuple(_rung(part.strip()) for part in text.split(","))
    if rungs[0].slot_ms:
        raise ValueError(
            f"the first rung is {rungs[0]}: it must keep every snapshot (like 10m:all), for whoever"
            " reads one needs some time to end"
        )
    for younger, older in pairwise(rungs):
        # Else the last of a slot could have been dropped while it was younger.
        if older.slot_ms == 0 or (younger.slot_ms and older.slot_ms % younger.slot_ms):
            raise ValueError(f"{older} after {younger}: its slots must be whole multiples of those")
        if older.for_ms < older.slot_ms:
            raise ValueError(f"{older}: it does not last for one of its own slots")
    return rungs


def expired(
    history: Sequence[Kept],
    referenced: Collection[int],
    streams_newest: int | None,
    now_ms: int,
    rungs: Sequence[Rung],
) -> list[int]:
    """The snapshots that may go, oldest first.

    `history` is the table's, in the order of its commits. `referenced` are those that a tag or a
    branch names, for as long as it does. Everything from the tip back to `streams_newest`, the
    newest that the stream itself committed, stays, whatever its age: the sink walks there to learn
    which of its epochs are stored, and a hole on that way would make it store one twice.
    """
    if not history:
        return []
    edges_ms = _edges_ms(rungs, now_ms)
    last_of_slot: dict[tuple[Rung, int], int] = {}
    for one in history:
        rung = next(
            (r for r, edge in zip(rungs, edges_ms, strict=True) if one.committed_ms >= edge), None
        )
        if rung:
            slot = one.committed_ms // rung.slot_ms if rung.slot_ms else one.snapshot_id
            last_of_slot[rung, slot] = one.snapshot_id
    kept = {
        *referenced,
        *_since(history, streams_newest),
        *_tips_at((edges_ms[0],), history),
        *last_of_slot.values(),
    }
    return [one.snapshot_id for one in history if one.snapshot_id not in kept]


def expired_beside(
    history: Sequence[Kept],
    referenced: Collection[int],
    moments_ms: Iterable[int],
    now_ms: int,
    rungs: Sequence[Rung],
) -> list[int]:
    """The same for a table that moments of another are read with, `moments_ms` by its commit times.

    For each of those it keeps its own last snapshot not later than it, and the one right after,
    which proves that nothing came between.
    """
    if not history:
        return []
    from_ms = _edges_ms(rungs, now_ms)[0]
    kept = {*referenced, history[-1].snapshot_id}
    kept.update(one.snapshot_id for one in history if one.committed_ms >= from_ms)
    kept.update(_tips_at((from_ms, *moments_ms), history, and_next=True))
    return [one.snapshot_id for one in history if one.snapshot_id not in kept]


def capacity(rungs: Sequence[Rung], seconds_between: float) -> int:
    """How many snapshots a full ladder keeps of a table that is committed to so often."""
    between_ms = seconds_between * 1000
    return round(sum(rung.for_ms / max(rung.slot_ms, between_ms) for rung in rungs))


def _edges_ms(rungs: Sequence[Rung], now_ms: int) -> list[int]:
    """Where each rung ends: never inside a slot of the next one."""
    edges = []
    age_ms = 0
    for rung, older in zip(rungs, (*rungs[1:], rungs[-1]), strict=True):
        age_ms += rung.for_ms
        slot_ms = older.slot_ms or 1
        edges.append((now_ms - age_ms) // slot_ms * slot_ms)
    return edges


def _since(history: Sequence[Kept], streams_newest: int | None) -> Iterable[int]:
    """From the tip back to the stream's newest; the tip alone where that is not to be found."""
    ids = [one.snapshot_id for one in history]
    return ids[ids.index(streams_newest) :] if streams_newest in ids else ids[-1:]


def _tips_at(
    times_ms: Iterable[int], history: Sequence[Kept], *, and_next: bool = False
) -> Iterator[int]:
    """What was the tip at each time, however old: without it no moment from then could be told."""
    # Never back, even where a clock was set back between two commits.
    commits_ms = list(accumulate((one.committed_ms for one in history), max))
    for time_ms in times_ms:
        after = bisect_right(commits_ms, time_ms)
        for place in (after - 1, after) if and_next else (after - 1,):
            if 0 <= place < len(history):
                yield history[place].snapshot_id


def _rung(text: str) -> Rung:
    age, colon, slot = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is no rung: write how long and how often, like 1h:1m")
    return Rung(_milliseconds(age), 0 if slot == "all" else _milliseconds(slot))


def _milliseconds(text: str) -> int:
    found = _LENGTH.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no length of time: write it like 90s, 10m, 1h or 7d")
    return int(found[1]) * _UNIT_MS[found[2]]


def _length(milliseconds: int) -> str:
    unit = next(unit for unit in "dhms" if milliseconds % _UNIT_MS[unit] == 0)
    return f"{milliseconds // _UNIT_MS[unit]}{unit}"
