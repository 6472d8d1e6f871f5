"""Which files are worth compacting: values in, values out.

A stream leaves one small file for each table partition and micro-batch. Merging them all into one
big file every minute would write the whole day again each time, so files are merged in tiers: a few
of a size become one of the next, and a byte is rewritten only a handful of times. Those of the
smaller tiers are folded in memory (`streaming.folding`), all in one commit; larger ones are merged
in slices (`streaming.merging`). A closed day that nothing is added to any more is merged once more,
into one or two files of each table partition.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import accumulate
from typing import NamedTuple, Protocol, TypeVar

TARGET_BYTES = 128 * 1024 * 1024
SMALLEST_TIER_BYTES = 64 * 1024
TIER_FACTOR = 4
TIERS = 6
# So many of the smaller tiers are folded: files below 1 MiB.
FOLDED_TIERS = 3
MIN_FILES = 4
# Of the smallest there are new ones with every micro-batch.
MIN_SMALLEST_FILES = 8
# What a table partition of a closed day may consist of; files of the last size do not count.
MOST_CLOSED_FILES = 2
# So much is folded at once, about ten times as much when it is decoded.
_MOST_BYTES = 16 * 1024 * 1024


class File(Protocol):
    """What a plan needs to know of a data file."""

    @property
    def place(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def is_sorted(self) -> bool: ...


F = TypeVar("F", bound=File)

Totals = dict[date, tuple[int, int]]
"""Number and size of each day's files."""


class Backlog(NamedTuple):
    """How many of the files are small ones that wait for care, and how many lie as they should."""

    waiting: int
    settled: int


def tier_bound(tier: int) -> int:
    """The size, exclusive, up to which a file belongs to a tier or to one below it."""
    return SMALLEST_TIER_BYTES * int(TIER_FACTOR**tier)


def tier_of(size_bytes: int) -> int:
    """The tier of a file of that size; TIERS for one that is larger than all of them."""
    return next((tier for tier in range(TIERS) if size_bytes < tier_bound(tier)), TIERS)


def piles_to_fold(files: Iterable[F]) -> list[list[F]]:
    """The small files of each table partition and tier, where there are enough of them."""
    piles: dict[tuple[str, int], list[F]] = {}
    for file in files:
        tier = tier_of(file.size_bytes)
        if tier < FOLDED_TIERS:
            piles.setdefault((file.place, tier), []).append(file)
    return [
        cut
        for (_, tier), pile in piles.items()
        if len(cut := list(_first_bytes(pile))) >= (MIN_FILES if tier else MIN_SMALLEST_FILES)
    ]


def piles_to_merge(files: Iterable[F], before: Totals, today: date) -> list[list[F]]:
    """The files of each table partition that are worth merging, newest day first.

    `before` is what `totals` said some rounds ago: a day before `today` with the same files as then
    is closed. Files of the last size are none of our business.
    """
    by_place: dict[str, list[F]] = {}
    everything = list(files)
    for file in everything:
        by_place.setdefault(file.place, []).append(file)
    closed = {day for day, sums in totals(everything).items() if before.get(day) == sums}
    found = []
    for theirs in sorted(by_place.values(), key=lambda pile: pile[0].day, reverse=True):
        day = theirs[0].day
        is_due = day < today and day in closed and not is_settled(theirs)
        pile = _unfinished(theirs) if is_due else _tiered(theirs)
        if pile:
            found.append(pile)
    return found


def is_settled(files: Sequence[File]) -> bool:
    """Whether a table partition's files may stay as they are once its day is closed."""
    unfinished = _unfinished(files)
    room = max(MOST_CLOSED_FILES - (len(files) - len(unfinished)), 1)
    return len(unfinished) <= room and all(file.is_sorted for file in unfinished)


def open_from(files: Iterable[File], today: date) -> date:
    """The first day that care is not done with; at most today."""
    by_place: dict[str, list[File]] = {}
    for file in files:
        by_place.setdefault(file.place, []).append(file)
    unsettled = (theirs[0].day for theirs in by_place.values() if not is_settled(theirs))
    return min((today, *unsettled))


def backlog(files: Iterable[File]) -> Backlog:
    """Small files, but for as many as a table partition may well consist of."""
    small: dict[str, int] = {}
    count = 0
    for file in files:
        count += 1
        if tier_of(file.size_bytes) < FOLDED_TIERS:
            small[file.place] = small.get(file.place, 0) + 1
    waiting = sum(max(0, number - MOST_CLOSED_FILES) for number in small.values())
    return Backlog(waiting, count - waiting)


def totals(files: Iterable[File]) -> Totals:
    """Number and size of each day's files."""
    sums: Totals = {}
    for file in files:
        number, size_bytes = sums.get(file.day, (0, 0))
        sums[file.day] = (number + 1, size_bytes + file.size_bytes)
    return sums


def _unfinished(files: Sequence[F]) -> list[F]:
    return [file for file in files if tier_of(file.size_bytes) < TIERS]


def _tiered(files: Sequence[F]) -> list[F]:
    """A tier that is full, with all smaller files of the table partition."""
    in_tier = Counter(tier_of(file.size_bytes) for file in files)
    full = [t for t, number in in_tier.items() if FOLDED_TIERS <= t < TIERS and number >= MIN_FILES]
    return [file for file in files if tier_of(file.size_bytes) <= max(full)] if full else []


def _first_bytes(pile: Sequence[F]) -> Iterator[F]:
    for file, sum_bytes in zip(pile, accumulate(file.size_bytes for file in pile), strict=True):
        if sum_bytes - file.size_bytes >= _MOST_BYTES:
            return
        yield file
