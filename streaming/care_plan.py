"""Which small files are worth compacting: values in, values out.

A stream leaves one small file for each table partition and micro-batch. Merging them all into one
big file every minute would write the whole day again each time, so files are merged in tiers: a few
of a size become one of the next, and a byte is rewritten only a handful of times. The smaller tiers
are folded without Spark (`streaming.folding`). A closed day that nothing is added to any more is
merged once into as few files as possible.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

TARGET_BYTES = 128 * 1024 * 1024
SMALLEST_TIER_BYTES = 64 * 1024
TIER_FACTOR = 4
TIERS = 6
# So many of the smaller tiers are folded: files below 1 MiB.
FOLDED_TIERS = 3
MIN_FILES = 4


@dataclass(frozen=True, slots=True)
class Pile:
    """The files of one tier in one table partition; `place` tells table partitions apart."""

    day: date
    place: str
    tier: int
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Compaction:
    """Merge a day's files below a size, in each table partition that has enough of them."""

    day: date
    below_bytes: int
    min_files: int


def tier_bound(tier: int) -> int:
    """The size, exclusive, up to which a file belongs to a tier or to one below it."""
    return SMALLEST_TIER_BYTES * int(TIER_FACTOR**tier)


def tier_of(size_bytes: int) -> int:
    """The tier of a file of that size; TIERS for one that is larger than all of them."""
    return next((tier for tier in range(TIERS) if size_bytes < tier_bound(tier)), TIERS)


def plan(
    piles: Iterable[Pile], before: Mapping[date, tuple[int, int]], today: date
) -> list[Compaction]:
    """The compactions that pay, newest day first.

    `before` is what `totals` said the last time: a day before `today` with the same files as then
    is closed. `tier` of a pile is TIERS - 1 at most; larger files are none of our business.
    """
    by_day: dict[date, list[Pile]] = {}
    for pile in piles:
        by_day.setdefault(pile.day, []).append(pile)
    found = []
    for day, theirs in sorted(by_day.items(), reverse=True):
        is_closed = day < today and before.get(day) == totals(theirs)[day]
        compaction = _closing(day, theirs) if is_closed else None
        compaction = compaction or _tiered(day, theirs)
        if compaction:
            found.append(compaction)
    return found


def expire_before(commit_times: Iterable[int], keep_from: int) -> int:
    """The time before which snapshots may go, all in milliseconds.

    What was the tip at `keep_from` stays, however old it is: without it, the moments from there to
    the next commit could not be answered.
    """
    return max((time for time in commit_times if time <= keep_from), default=keep_from)


def totals(piles: Iterable[Pile]) -> dict[date, tuple[int, int]]:
    """Number and size of each day's files."""
    sums: dict[date, tuple[int, int]] = {}
    for pile in piles:
        files, size_bytes = sums.get(pile.day, (0, 0))
        sums[pile.day] = (files + pile.files, size_bytes + pile.size_bytes)
    return sums


def _tiered(day: date, piles: list[Pile]) -> Compaction | None:
    due = [p.tier for p in piles if p.tier >= FOLDED_TIERS and p.files >= MIN_FILES]
    return Compaction(day, tier_bound(max(due)), MIN_FILES) if due else None


def _closing(day: date, piles: list[Pile]) -> Compaction | None:
    """A last merge, where it leaves fewer files than there are."""
    in_place: dict[str, tuple[int, int]] = {}
    for pile in piles:
        files, size_bytes = in_place.get(pile.place, (0, 0))
        in_place[pile.place] = (files + pile.files, size_bytes + pile.size_bytes)
    pays = any(files > -(-size // TARGET_BYTES) for files, size in in_place.values())
    return Compaction(day, tier_bound(TIERS - 1), 2) if pays else None
