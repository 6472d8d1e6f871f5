"""What each component draws, as pure functions of a frame.

Bulk numbers travel as one bytes payload, which the components' `unpack` undoes: a header's length
(unsigned 32 bits, little-endian), the header in JSON, padding to eight bytes, then columns of
float64. Times on the wire are milliseconds; a missing value is NaN in a column, null in JSON.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from catalog.conditions import CONDITIONS
from serving.bars import SECOND, Bar, Interval
from serving.frames import Frame, Quote, State

BARS_SENT = 1500
QUIET_SECONDS = 20
STALE_SECONDS = 300
_DAY_SECONDS = 86400

_NAN = float("nan")
_NO_TRADE = "The lake holds no trade yet; the first one from the feed appears here by itself."
_NOTHING = {
    State.LOADING: "Loading …",
    State.EMPTY: "Nothing yet.",
    State.LIVE: "Nothing yet.",
    State.BROKEN: "The lake does not answer.",
}
_SHORT_NAMES = {24: "Ext. hours", 8: "Sweep", 12: "Odd lot"}


def pack(header: Mapping[str, object], columns: Mapping[str, Sequence[float]]) -> bytes:
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


def candles(frame: Frame, symbol: str, interval: Interval) -> bytes:
    """The candle chart's payload; with no bar, its header says why in `empty` (title, reason)."""
    bars = frame.bars(symbol, interval)[-BARS_SENT:]
    quote = frame.quotes.get(symbol)
    header = {
        "key": f"{symbol} {interval}",
        "version": frame.version,
        "symbol": symbol,
        "interval": str(interval),
        "width": interval.microseconds // 1000,
        "last": quote.last if quote else None,
        "falling": bool(bars) and _falling(bars[-1]),
        "decimals": decimals_of(quote),
        "banner": frame.trouble is not None,
        "empty": _why_empty(frame, symbol, interval),
    }
    return pack(
        header,
        {
            "time": [bar.start / 1000 for bar in bars],
            "open": [_or_nan(bar.open) for bar in bars],
            "high": [_or_nan(bar.high) for bar in bars],
            "low": [_or_nan(bar.low) for bar in bars],
            "close": [_or_nan(bar.close) for bar in bars],
            "volume": [float(bar.volume) for bar in bars],
            "vwap": [_or_nan(bar.vwap) for bar in bars],
            "trades": [bar.trade_count for bar in bars],
        },
    )


def tape(frame: Frame, symbol: str) -> bytes:
    """The tape's payload, newest first; `symbol` is what its filter offers."""
    symbols = sorted({row.symbol for row in frame.tape} | {symbol})
    places = {name: place for place, name in enumerate(symbols)}
    conditions: dict[tuple[int, ...] | None, int] = {}
    for row in frame.tape:
        conditions.setdefault(row.conditions, len(conditions))
    header = {
        "version": frame.version,
        "serial": frame.tape[0].serial if frame.tape else 0,
        "symbol": symbol,
        "symbols": symbols,
        "decimals": [decimals_of(frame.quotes.get(name)) for name in symbols],
        "conditions": [short_conditions(codes) for codes in conditions],
        "watched": len(frame.quotes),
        "banner": frame.trouble is not None,
        "empty": _NOTHING[frame.state],
    }
    return pack(
        header,
        {
            "serial": [row.serial for row in frame.tape],
            "time": [row.event_time / 1000 for row in frame.tape],
            "symbol": [places[row.symbol] for row in frame.tape],
            "price": [_or_nan(row.price) for row in frame.tape],
            "size": [_or_nan(row.size) for row in frame.tape],
            "direction": [row.direction for row in frame.tape],
            "conditions": [conditions[row.conditions] for row in frame.tape],
        },
    )


def watch_list(frame: Frame, selected: str, now: int) -> dict[str, object]:
    """The watch list's payload. `now` is in microseconds; it decides what is stale."""
    return {
        "selected": selected,
        "empty": _NOTHING[frame.state],
        "rows": [
            {
                "symbol": quote.symbol,
                "last": quote.last,
                "decimals": decimals_of(quote),
                "change": quote.change,
                "spark": list(quote.spark),
                "stale": _stale(quote, now),
            }
            for quote in frame.quotes.values()
        ],
    }


def status(frame: Frame, symbol: str, now: int) -> dict[str, object]:
    """The quote strip and the line that says how true the screen is. `now` is in microseconds."""
    quote = frame.quotes.get(symbol)
    day = quote.day if quote else None
    return {
        "quote": {
            "symbol": symbol,
            "last": quote.last if quote else None,
            "direction": quote.direction if quote else 0,
            "change": quote.change if quote else None,
            "decimals": decimals_of(quote),
            "open": day.open if day else None,
            "high": day.high if day else None,
            "low": day.low if day else None,
            "volume": float(day.volume) if day else None,
            "vwap": day.vwap if day else None,
            "trades": day.trade_count if day else None,
        },
        "badge": _badge(frame, now),
        "truth": _truth(frame, now),
        "trouble": _trouble(frame),
    }


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


def age_text(seconds: float) -> str:
    """An age in one unit: `45 s`, `12 min`, `5 h`, `3 d`."""
    for size, unit in ((_DAY_SECONDS, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(0, seconds))} s"


def _badge(frame: Frame, now: int) -> dict[str, str]:
    if frame.state is State.BROKEN:
        return {"kind": "broken", "text": "NOT LIVE", "title": "the lake does not answer"}
    if frame.state is not State.LIVE:
        text = "LOADING" if frame.state is State.LOADING else "WAITING"
        return {"kind": "loading", "text": text, "title": "no trade has been read yet"}
    if frame.is_disconnected:
        title = frame.feed.detail if frame.feed else ""
        return {"kind": "quiet", "text": "FEED DISCONNECTED", "title": title}
    if _lag(frame, now) > QUIET_SECONDS:
        return {
            "kind": "quiet",
            "text": "QUIET",
            "title": "the lake answers and holds no newer trade: a silent feed, a closed market,"
            " or a writer that stands still",
        }
    return {"kind": "live", "text": "● LIVE", "title": "following the newest snapshot"}


def _truth(frame: Frame, now: int) -> list[str]:
    position = frame.position
    if position is None or position.complete_to is None:
        return []
    lag = _lag(frame, now)
    shown = f"{lag:.1f} s" if lag < QUIET_SECONDS else age_text(lag)
    complete_to = datetime.fromtimestamp(position.complete_to // SECOND, UTC)
    day = "" if lag < _DAY_SECONDS else f"{complete_to:%Y-%m-%d} "
    return [
        f"data complete to {day}{complete_to:%H:%M:%S} UTC",
        f"lag {shown}",
        f"snapshot {position.snapshot_id}",
        *(["loading history"] if frame.loading_history else []),
    ]


def _lag(frame: Frame, now: int) -> float:
    if frame.position is None or frame.position.complete_to is None:
        return 0.0
    return max(0.0, (now - frame.position.complete_to) / SECOND)


def _trouble(frame: Frame) -> str | None:
    if frame.trouble is None:
        return None
    since = datetime.fromtimestamp(frame.trouble.since // SECOND, UTC)
    return f"Nothing new since {since:%H:%M:%S} UTC, what you see is older. {frame.trouble.reason}"


def _why_empty(frame: Frame, symbol: str, interval: Interval) -> tuple[str, str]:
    if frame.trouble is not None and not frame.quotes:
        return "The lake does not answer", frame.trouble.reason
    if frame.state is State.LOADING:
        return "Loading", "Reading the newest trades from the lake."
    if frame.state is State.EMPTY:
        return "No trade yet", _NO_TRADE
    if symbol not in frame.quotes:
        return f"No trade yet: {symbol}", "The lake holds none of this symbol. Is it subscribed?"
    return f"No {interval} bars of {symbol}", "They appear with its next trade."


def _stale(quote: Quote, now: int) -> str | None:
    seconds = (now - quote.last_time) / SECOND
    return age_text(seconds) if seconds > STALE_SECONDS else None


def _falling(bar: Bar) -> bool:
    return bar.open is not None and bar.close is not None and bar.close < bar.open


def _or_nan(value: float | None) -> float:
    return _NAN if value is None else value
