"""Lines and profiles over bars: moving averages, VWAP since the day's start, volume by price."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.bars import Bar, Interval
from serving.frames import KEPT, Frame
from serving.hours import day_of

LEVELS = 48
VALUE_AREA = 0.7

Column = NDArray[np.float64]


def column(bars: Sequence[Bar], name: str) -> Column:
    """One field of the bars, or their `vwap`, as float64; NaN where it is None."""
    values = (getattr(bar, name) for bar in bars)
    return np.fromiter((np.nan if v is None else v for v in values), np.float64, len(bars))


def moving_average(values: Column, length: int) -> Column:
    """The mean of the last `length` values; NaN before there are so many.

    A missing value counts as the one before it.
    """
    result = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) and len(values) - known[0] >= length:
        first = known[0]
        # For each place, the last known one up to it.
        held = np.maximum.accumulate(np.where(np.isnan(values), first, np.arange(len(values))))
        sums = np.cumsum(np.concatenate([[0.0], values[held][first:]]))
        result[first + length - 1 :] = (sums[length:] - sums[:-length]) / length
    return result


def day_vwap(frame: Frame, symbol: str, interval: Interval, bars: Sequence[Bar]) -> Column:
    """VWAP from the start of each bar's day to the bar's end: the same at every interval.

    `bars` are the frame's. NaN for a day whose trades are not all held, or that starts within a
    bar, and for that bar.
    """
    result = np.full(len(bars), np.nan)
    # Seconds are held for an hour: what was before is in the minutes.
    is_short = interval.microseconds < Interval.M1.microseconds
    base = Interval.M1 if is_short else interval
    since = frame.complete_from(symbol, base)
    if since is None:
        return result
    starts = np.fromiter((bar.start for bar in bars), np.int64, len(bars))
    width, place = interval.microseconds, 0
    while place < len(bars):
        start, end = day_of(symbol, bars[place].start)
        if start >= since and start % width == 0:
            before, first = [], place
            if is_short and place == 0:
                whole = Interval.M1.next_start(bars[0].start)
                minutes = frame.bars(symbol, base)
                before = [bar for bar in minutes if start <= bar.start < whole]
                first = int(np.searchsorted(starts, whole))
            within = slice(first, int(np.searchsorted(starts, end - width, side="right")))
            result[within] = _running(before, bars[within])
        place = int(np.searchsorted(starts, end))
    return result


def _running(before: Sequence[Bar], bars: Sequence[Bar]) -> Column:
    value, volume = (
        np.cumsum(column(bars, name)) + column(before, name).sum()
        for name in ("trade_value", "volume")
    )
    result = np.full(len(bars), np.nan)
    np.divide(value, volume, out=result, where=volume > 0)
    return result


@dataclass(frozen=True, slots=True)
class Profile:
    """Volume by price: `volumes[i]` is that of `low + i * step <= price < low + (i + 1) * step`.

    `peak` is the level with the most, the point of control; `area` are the first and the last level
    of the value area, which holds at least VALUE_AREA of all.
    """

    low: float
    step: float
    volumes: tuple[float, ...]
    peak: int
    area: tuple[int, int]


def finest_bars(
    frame: Frame, symbol: str, start: int, end: int | None = None
) -> tuple[Interval, Sequence[Bar]]:
    """The shortest bars held that reach back to `start`, from there to `end` (microseconds)."""
    # From the shortest on, and no further than needed: of a past moment each is read from the lake.
    reaching = (kept for kept in KEPT if _reaches(frame.complete_from(symbol, kept), start))
    interval = next(reaching, Interval.H1)
    bars = frame.bars(symbol, interval)
    return interval, [
        bar for bar in bars if bar.start >= start and (end is None or bar.start < end)
    ]


def _reaches(since: int | None, start: int) -> bool:
    return since is not None and since <= start


def volume_profile(bars: Sequence[Bar], levels: int = LEVELS) -> Profile | None:
    """Each bar's volume is spread evenly from its low to its high: an estimate.

    A bar without them stands at its VWAP. None without volume.
    """
    low, high, vwap, volume = (column(bars, name) for name in ("low", "high", "vwap", "volume"))
    low, high = np.where(np.isnan(low), vwap, low), np.where(np.isnan(high), vwap, high)
    counted = (volume > 0) & np.isfinite(low) & np.isfinite(high)
    if not counted.any():
        return None
    low, high, volume = low[counted], high[counted], volume[counted]
    bottom, top = float(low.min()), float(high.max())
    # A single price has a level around it.
    step = (top - bottom) / levels or max(abs(top), 1.0) * 1e-4
    edges = np.linspace(bottom, bottom + step * levels, levels + 1)
    volumes = _spread(low, high, volume, edges)
    peak = int(volumes.argmax())
    return Profile(bottom, step, tuple(volumes.tolist()), peak, _value_area(volumes, peak))


def _spread(low: Column, high: Column, volume: Column, edges: Column) -> Column:
    """The volumes between the edges, of which the last belongs to the last level."""
    shared = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    shares = np.clip(shared, 0.0, None)
    # One price, or all of it on an edge: the level that the price is in.
    flat = shares.sum(axis=1) <= 0
    places = np.clip(np.searchsorted(edges, low[flat], side="right") - 1, 0, len(edges) - 2)
    shares[flat, places] = 1.0
    return np.asarray((volume / shares.sum(axis=1)) @ shares)


def _value_area(volumes: Column, peak: int) -> tuple[int, int]:
    """From the peak outwards, the larger neighbour first, until enough is inside."""
    first = last = peak
    inside, wanted = volumes[peak], VALUE_AREA * volumes.sum()
    while inside < wanted and (first > 0 or last < len(volumes) - 1):
        below = volumes[first - 1] if first > 0 else -1.0
        above = volumes[last + 1] if last < len(volumes) - 1 else -1.0
        if above >= below:
            last += 1
            inside += above
        else:
            first -= 1
            inside += below
    return first, last
