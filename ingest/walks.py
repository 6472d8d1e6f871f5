"""Random walks that can be asked for any second without walking there.

A walk is a sum of octaves of value noise: each octave draws a number for every cell of its length
and goes straight from one to the next. Amplitudes grow with the square root of the length, as a
Brownian path's do, so that it looks like one at every zoom; but it depends only on the name and the
second, and over weeks it comes back.
"""

from functools import lru_cache
from random import Random

_OCTAVES = 20  # the longest cell is 2**19 s, about six days


def walk(name: str, second: float) -> float:
    """The walk called `name` at a time in seconds: about 1 of change (std. deviation) a second."""
    total = 0.0
    for octave in range(_OCTAVES):
        length = 1 << octave
        cell, within = divmod(second, length)
        left, right = draw(name, octave, int(cell)), draw(name, octave, int(cell) + 1)
        total += (left + (right - left) * within / length) * length**0.5
    return total * 0.5


@lru_cache(65536)
def draw(name: str, octave: int, cell: int) -> float:
    """One standard normal number, the same for the same arguments, everywhere."""
    return Random(f"{name}/{octave}/{cell}").gauss(0.0, 1.0)  # noqa: S311
