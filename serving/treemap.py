"""A treemap: rectangles whose areas are as values, each as close to a square as it gets.

After Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
"""

from collections.abc import Sequence
from typing import NamedTuple


class Tile(NamedTuple):
    """A rectangle; left, top, width and height."""

    left: float
    top: float
    width: float
    height: float


def treemap(values: Sequence[float], aspect: float = 1.0) -> list[Tile]:
    """One tile a value, in order, within `aspect` x 1; positive values, the largest first."""
    tiles: list[Tile] = []
    room = Tile(0.0, 0.0, aspect, 1.0)
    while len(tiles) < len(values):
        rest = values[len(tiles) :]
        # What is left is shared out anew each time, so that no rounding adds up.
        unit = room.width * room.height / sum(rest)
        row, room = _lay([value * unit for value in rest], room)
        tiles += row
    return tiles


def _lay(areas: Sequence[float], room: Tile) -> tuple[list[Tile], Tile]:
    """The next row along the shorter side of the room, and the room that is left."""
    side = min(room.width, room.height)
    row = areas[: _row_length(areas, side)]
    depth = sum(row) / side
    tiles, along = [], 0.0
    for length in (area / depth for area in row):
        if room.width >= room.height:
            tiles.append(Tile(room.left, room.top + along, depth, length))
        else:
            tiles.append(Tile(room.left + along, room.top, length, depth))
        along += length
    if room.width >= room.height:
        return tiles, Tile(room.left + depth, room.top, room.width - depth, room.height)
    return tiles, Tile(room.left, room.top + depth, room.width, room.height - depth)


def _row_length(areas: Sequence[float], side: float) -> int:
    """With how many of them its longest tile is the least long."""
    count = 1
    while count < len(areas) and _longest(areas[: count + 1], side) <= _longest(
        areas[:count], side
    ):
        count += 1
    return count


def _longest(row: Sequence[float], side: float) -> float:
    """The largest ratio of two sides among the row's tiles."""
    depth = sum(row) / side
    return max(max(area / depth**2, depth**2 / area) for area in row)
