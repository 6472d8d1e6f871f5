"""In which of many snapshots each of some trades first stood, by looking at few of them.

A snapshot holds, of a topic partition, the trades up to some offset (`serving.diff_queries` says
why), and each later one holds as many or more.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

Positions = Mapping[int, int]
"""The last offset of each topic partition."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trade of the bar stood in its topic, and whether it came late.

    Late: after a trade of the same symbol that belongs to a later bar of the day that follows.
    """

    kafka_partition: int
    kafka_offset: int
    is_late: bool = False

    def is_in(self, positions: Positions) -> bool:
        """Whether a snapshot with these last offsets holds it."""
        return self.kafka_offset <= positions.get(self.kafka_partition, -1)


def to_places(trades: pa.Table, passed: Positions) -> list[Place]:
    """The places of trades (`queries.BAR_COLUMNS`).

    `passed` is the offset at which the bar was over, for each topic partition.
    """
    columns = (trades["kafka_partition"].to_pylist(), trades["kafka_offset"].to_pylist())
    return [
        Place(number, offset, number in passed and offset > passed[number])
        for number, offset in zip(*columns, strict=True)
    ]


def find_arrivals(
    places: Iterable[Place],
    first: int,
    last: int,
    positions_at: Callable[[int], Positions],
) -> dict[int, list[Place]]:
    """By index of a snapshot: the places that it holds and the one before it does not.

    All must be held by `last`; those that `first` holds are put down to it, whenever they came.
    """
    found: dict[int, list[Place]] = {}

    def search(some: list[Place], before: int, by: int) -> None:
        """None of them is in `before`, all are in `by`."""
        if not some:
            return
        if by - before == 1:
            found[by] = some
            return
        middle = (before + by) // 2
        positions = positions_at(middle)
        search([place for place in some if place.is_in(positions)], before, middle)
        search([place for place in some if not place.is_in(positions)], middle, by)

    search(sorted(places, key=lambda p: (p.kafka_partition, p.kafka_offset)), first - 1, last)
    return found
