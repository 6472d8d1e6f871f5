"""The candle chart as a pure function of a frame, and the form in which bulk numbers travel.

They travel as one bytes payload, which the components' `unpack` undoes: a header's length (unsigned
32 bits, little-endian), the header in JSON, padding to eight bytes, then columns of float64. Times
on the wire are milliseconds; a missing value is NaN in a column, null in JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

from catalog.calendars import is_around_the_clock
from catalog.conditions import CONDITIONS
from serving.bars import Bar, Interval
from serving.frames import Frame, Quote, State
from serving.hours import Span, collapsed, day_of
from serving.indicators import column, day_vwap, finest_bars, moving_average, volume_profile

BARS_SENT = 1500
AVERAGES = (20, 50)
"""The lengths of the moving averages, in bars."""

# A range that moves within such a step is drawn from the same bars.
_BARS_STEP = 250
_GAPS_SENT = 200
_NO_TRADE = "The lake holds no trade yet; the first one from the feed appears here by itself."
_SHORT_NAMES = {24: "Ext. hours", 8: "Sweep", 12: "Odd lot"}


def pack(header: Mapping[str, object], columns: Mapping[str, ArrayLike]) -> bytes:
    """The bytes payload of equally long columns."""
    arrays = [np.asarray(values, dtype="<f8") for values in columns.values()]
    rows = len(arrays[0]) if arrays else 0
    text = orjson.dumps({**header, "columns": list(columns), "rows": rows})
    text += b" " * (-(4 + len(text)) % 8)
    return b"".join([len(text).to_bytes(4, "little"), text, *(array.tobytes() for array in arrays)])


def unpack(payload: bytes) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """The inverse of `pack`."""
    length = int.from_bytes(payload[:4], "little")
    header = orjson.loads(payload[4 : 4 + length])
    values = np.frombuffer(payload, dtype="<f8", offset=4 + length)
    arrays = values.reshape(len(header["columns"]), header["rows"])
    return header, dict(zip(header["columns"], arrays, strict=True))


def candles(frame: Frame, symbol: str, interval: Interval, shown: Span | None = None) -> bytes:
    """The candle chart's payload; with no bar, its header says why in `empty` (title, reason).

    `shown` is the time asked for, in microseconds; None: the chart follows the newest bar.
    """
    bars = frame.bars(symbol, interval)
    sent = _around(bars, shown)
    starts = np.fromiter((bar.start for bar in bars[sent]), np.int64, len(bars[sent]))
    quote = frame.quotes.get(symbol)
    header = {
        "key": f"{symbol} {interval}",
        "symbol": symbol,
        "interval": str(interval),
        "width": interval.microseconds // 1000,
        "around_the_clock": is_around_the_clock(symbol),
        "range": _to_milliseconds([shown])[0] if shown else None,
        "last": quote.last if quote else None,
        "falling": bool(bars) and _falling(bars[-1]),
        "decimals": decimals_of(quote),
        "averages": AVERAGES,
        "collapsed": _to_milliseconds(collapsed(symbol, starts, interval)),
        "gaps": _to_milliseconds(_gaps(frame, starts, interval)),
        "profile": _profile(frame, quote, shown),
        "empty": _why_empty(frame, symbol, interval),
    }
    closes = column(bars, "close")
    lines = {
        "day_vwap": day_vwap(frame, symbol, interval, bars),
        **{f"average_{length}": moving_average(closes, length) for length in AVERAGES},
    }
    return pack(
        header,
        {
            "time": starts / 1000,
            **{
                name: column(bars[sent], name)
                for name in ("open", "high", "low", "close", "volume", "vwap", "trade_count")
            },
            **{name: line[sent] for name, line in lines.items()},
        },
    )


def decimals_of(quote: Quote | None) -> int:
    """How many decimals show a symbol's prices exactly, by its recent ones; 2 to 8."""
    prices = [] if quote is None else [*quote.spark[-20:], quote.last]
    most = 2
    for price in prices:
        exponent = Decimal(repr(price)).as_tuple().exponent if price is not None else 0
        most = max(most, -exponent if isinstance(exponent, int) else 0)
    ceiling = 8 if prices and (prices[-1] or 0) < 1 else 4
    return min(most, ceiling)


def short_conditions(codes: Sequence[int] | None) -> str:
    """The codes' names without `Regular`, which says nothing; unknown codes by number."""
    return ", ".join(
        _SHORT_NAMES.get(code) or (CONDITIONS[code].name if code in CONDITIONS else f"code {code}")
        for code in codes or ()
        if code != 1
    )


def _around(bars: Sequence[Bar], shown: Span | None) -> slice:
    """Which bars to send: the newest, or as many around the middle of what is shown."""
    newest = slice(max(0, len(bars) - BARS_SENT), len(bars))
    if shown is None:
        return newest
    middle = int(np.searchsorted([bar.start for bar in bars], sum(shown) // 2))
    start = max(0, middle - BARS_SENT // 2) // _BARS_STEP * _BARS_STEP
    return newest if start >= newest.start else slice(start, start + BARS_SENT)


def _gaps(frame: Frame, starts: NDArray[np.int64], interval: Interval) -> list[Span]:
    """The feed's gaps within the bars."""
    if not len(starts):
        return []
    oldest, end = int(starts[0]), int(starts[-1]) + interval.microseconds
    return [(a, b) for a, b in frame.gaps if b > oldest and a < end][-_GAPS_SENT:]


def _profile(frame: Frame, quote: Quote | None, shown: Span | None) -> dict[str, object] | None:
    """Volume by price, of what is shown or of the day."""
    if quote is None:
        return None
    start, end = shown or day_of(quote.symbol, quote.last_time)
    interval, bars = finest_bars(frame, quote.symbol, start, end)
    profile = volume_profile(bars)
    if profile is None:
        return None
    return {
        "low": profile.low,
        "step": profile.step,
        "volumes": profile.volumes,
        "peak": profile.peak,
        "area": profile.area,
        "of": "the shown time" if shown else "the day",
        "from": str(interval),
    }


def _to_milliseconds(spans: Iterable[Span]) -> list[tuple[float, float]]:
    return [(start / 1000, end / 1000) for start, end in spans]


def _why_empty(frame: Frame, symbol: str, interval: Interval) -> tuple[str, str]:
    if frame.trouble is not None and not frame.quotes:
        return "The lake does not answer", frame.trouble.reason
    if frame.state is State.LOADING:
        return "Loading", "Reading the newest trades from the lake."
    if frame.as_of is not None and symbol not in frame.quotes:
        return f"No trade yet: {symbol}", "At this moment the lake held none of this symbol."
    if frame.state is State.EMPTY:
        return "No trade yet", _NO_TRADE
    if symbol not in frame.quotes:
        return f"No trade yet: {symbol}", "The lake holds none of this symbol. Is it subscribed?"
    return f"No {interval} bars of {symbol}", "They appear with its next trade."


def _falling(bar: Bar) -> bool:
    return bar.open is not None and bar.close is not None and bar.close < bar.open
