"""The quote strip, the watch list, movers and heat map, as pure functions of a frame.

`now` is in microseconds: the clock's, or of a past moment when it was committed.
"""

from datetime import UTC, datetime

from serving.bars import SECOND, Interval
from serving.charts import decimals_of
from serving.frames import WINDOWS, Frame, Quote, State
from serving.hours import is_closed, opens_next
from serving.treemap import treemap

QUIET_SECONDS = 20
STALE_SECONDS = 300
RATE_SECONDS = 60
"""Over how long trades a second are counted."""

HEAT_MAP_ASPECT = 2.6
_DAY_SECONDS = 86400
# Of all traded value: less would not be seen.
_SMALLEST_TILE = 0.01

_NOTHING = {
    State.LOADING: "Loading …",
    State.BROKEN: "The lake does not answer.",
}
_NOT_LIVE = {
    State.LOADING: ("loading", "LOADING", "no trade has been read yet"),
    State.EMPTY: ("loading", "WAITING", "the lake holds no trade yet"),
    State.BROKEN: ("broken", "NOT LIVE", "the lake does not answer"),
}


def status(frame: Frame, symbol: str, now: int) -> dict[str, object]:
    """The quote strip and the line that says how true the screen is."""
    quote = frame.quotes.get(symbol)
    day = quote.day if quote else None
    return {
        "quote": {
            "symbol": symbol,
            "last": quote.last if quote else None,
            "direction": quote.direction if quote else 0,
            "change": quote.change if quote else None,
            "decimals": decimals_of(quote),
            "since": day.start / 1000 if day else None,
            "open": day.open if day else None,
            "high": day.high if day else None,
            "low": day.low if day else None,
            "volume": float(day.volume) if day else None,
            "vwap": day.vwap if day else None,
            "trades": day.trade_count if day else None,
            "rate": _rate(frame, symbol, now),
        },
        "badge": _badge(frame, symbol, now),
        "truth": _truth(frame, now),
        "trouble": _trouble(frame),
    }


def watch_list(frame: Frame, selected: str, now: int) -> dict[str, object]:
    """The watch list's payload."""
    return {
        "selected": selected,
        "empty": _NOTHING.get(frame.state, "No trade yet."),
        "rows": [
            {
                "symbol": quote.symbol,
                "last": quote.last,
                "decimals": decimals_of(quote),
                "change": quote.change,
                "since": quote.day.start / 1000 if quote.day else None,
                "spark": list(quote.spark),
                "stale": _stale(frame, quote, now),
                "closed": is_closed([quote.symbol], now),
            }
            for quote in frame.quotes.values()
        ],
    }


def movers(frame: Frame, selected: str) -> dict[str, object]:
    """The payload of movers and heat map: the symbol with the most traded value of its day first.

    `changes` are over the day and each of WINDOWS. A tile's sides are shares of the whole.
    """
    values = {
        quote.symbol: float(quote.day.trade_value) if quote.day else 0.0
        for quote in frame.quotes.values()
    }
    quotes = sorted(frame.quotes.values(), key=lambda quote: -values[quote.symbol])
    least = sum(values.values()) * _SMALLEST_TILE
    tiles = treemap(
        [max(least, values[quote.symbol]) for quote in quotes] if least else [], HEAT_MAP_ASPECT
    )
    return {
        "selected": selected,
        "empty": _NOTHING.get(frame.state, "No trade yet."),
        "windows": ["day", *(age_text(seconds) for seconds in WINDOWS)],
        "rows": [
            {
                "symbol": quote.symbol,
                "last": quote.last,
                "decimals": decimals_of(quote),
                "value": values[quote.symbol],
                "changes": [quote.change, *(quote.change_over(seconds) for seconds in WINDOWS)],
            }
            for quote in quotes
        ],
        "tiles": [
            (
                tile.left / HEAT_MAP_ASPECT,
                tile.top,
                tile.width / HEAT_MAP_ASPECT,
                tile.height,
            )
            for tile in tiles
        ],
    }


def age_text(seconds: float) -> str:
    """An age in one unit: `45 s`, `12 min`, `5 h`, `3 d`."""
    for size, unit in ((_DAY_SECONDS, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(0, seconds))} s"


def _rate(frame: Frame, symbol: str, now: int) -> float | None:
    """Trades a second, up to the market's newest trade; None where nothing comes now."""
    newest = max((quote.last_time for quote in frame.quotes.values()), default=None)
    if newest is None or (frame.as_of is None and _lag(frame, now) > QUIET_SECONDS):
        return None
    since = newest - RATE_SECONDS * SECOND
    recent = frame.bars(symbol, Interval.S1)[-RATE_SECONDS:]
    return sum(bar.trade_count for bar in recent if bar.start > since) / RATE_SECONDS


def _badge(frame: Frame, symbol: str, now: int) -> dict[str, str]:
    if frame.as_of is not None:
        return _badge_of("past", "AS OF", "a past moment: nothing here is newer")
    if frame.state in _NOT_LIVE:
        return _badge_of(*_NOT_LIVE[frame.state])
    if frame.is_disconnected:
        return _badge_of("quiet", "FEED DISCONNECTED", frame.feed.detail if frame.feed else "")
    if _silence(frame, symbol, now) > QUIET_SECONDS and is_closed([symbol], now):
        return _badge_of("closed", "☾ MARKET CLOSED", f"of {symbol}; {opens_next(now)}")
    if _lag(frame, now) > QUIET_SECONDS:
        why = (
            "the lake answers and holds no newer trade: the feed is silent, or its writer stands"
            " still; the Pipeline page tells which"
        )
        return _badge_of("quiet", "QUIET", why)
    return _badge_of("live", "● LIVE", "following the newest snapshot")


def _badge_of(kind: str, text: str, title: str) -> dict[str, str]:
    return {"kind": kind, "text": text, "title": title}


def _truth(frame: Frame, now: int) -> list[str]:
    position = frame.position
    if position is None or position.complete_to is None:
        return []
    lag = _lag(frame, now)
    shown = f"{lag:.1f} s" if lag < QUIET_SECONDS else age_text(lag)
    complete_to = datetime.fromtimestamp(position.complete_to // SECOND, UTC)
    day = "" if lag < _DAY_SECONDS and frame.as_of is None else f"{complete_to:%Y-%m-%d} "
    return [
        f"data complete to {day}{complete_to:%H:%M:%S} UTC",
        *([f"lag {shown}"] if frame.as_of is None else []),
        f"snapshot {position.snapshot_id}",
        *(["loading history"] if frame.loading_history else []),
    ]


def _lag(frame: Frame, now: int) -> float:
    if frame.position is None or frame.position.complete_to is None:
        return 0.0
    return max(0.0, (now - frame.position.complete_to) / SECOND)


def _silence(frame: Frame, symbol: str, now: int) -> float:
    """Seconds since a trade of the symbol was received; its event time may be of another day."""
    heard = frame.position.received_to.get(symbol) if frame.position else None
    return 0.0 if heard is None else max(0.0, (now - heard) / SECOND)


def _trouble(frame: Frame) -> str | None:
    if frame.trouble is None:
        return None
    since = datetime.fromtimestamp(frame.trouble.since // SECOND, UTC)
    return f"Nothing new since {since:%H:%M:%S} UTC, what you see is older. {frame.trouble.reason}"


def _stale(frame: Frame, quote: Quote, now: int) -> str | None:
    seconds = _silence(frame, quote.symbol, now)
    return age_text(seconds) if seconds > STALE_SECONDS else None
