"""The tape as a pure function of a frame."""

from catalog.conditions import CONDITIONS, Condition
from serving.bars import Bar
from serving.charts import decimals_of, pack, short_conditions
from serving.frames import Frame, Quote, State, TapeRow

LARGE = 10
"""A trade is large from so many times the value of its symbol's mean trade of the day on."""

_NOTHING = {
    State.LOADING: "Loading …",
    State.BROKEN: "The lake does not answer.",
}


def tape(frame: Frame, symbol: str) -> bytes:
    """The tape's payload, newest first.

    It holds the last trades of all symbols, which start at `all_from`, and those of `symbol`, of
    which there may be older ones.
    """
    rows = _rows(frame, symbol)
    symbols = sorted({*frame.quotes, *(row.symbol for row in rows), symbol} - {""})
    places = {name: place for place, name in enumerate(symbols)}
    quotes = [frame.quotes.get(name) for name in symbols]
    large = {name: _large_from(quote) for name, quote in zip(symbols, quotes, strict=True)}
    conditions: dict[tuple[int, ...] | None, int] = {}
    for row in rows:
        conditions.setdefault(row.conditions, len(conditions))
    header = {
        "as_of": frame.as_of,
        "serial": frame.tape[0].serial if frame.tape else 0,
        "all_from": frame.tape[-1].serial if frame.tape else 0,
        "symbol": symbol,
        "symbols": symbols,
        "decimals": [decimals_of(quote) for quote in quotes],
        "conditions": [(short_conditions(codes), _explain(codes)) for codes in conditions],
        "large": LARGE,
        "empty": _NOTHING.get(frame.state, "No trade yet."),
    }
    return pack(
        header,
        {
            "serial": [row.serial for row in rows],
            "time": [row.event_time / 1000 for row in rows],
            "symbol": [places[row.symbol] for row in rows],
            "price": [row.price for row in rows],
            "size": [row.size for row in rows],
            "direction": [row.direction for row in rows],
            "conditions": [conditions[row.conditions] for row in rows],
            "large": [row.price * row.size >= large[row.symbol] for row in rows],
        },
    )


def _rows(frame: Frame, symbol: str) -> list[TapeRow]:
    oldest = frame.tape[-1].serial if frame.tape else 0
    older = [row for row in frame.tapes.get(symbol, ()) if row.serial < oldest]
    return [*frame.tape, *older]


def _large_from(quote: Quote | None) -> float:
    day: Bar | None = quote.day if quote else None
    if day is None or not day.trade_count:
        return float("inf")
    return LARGE * float(day.trade_value) / day.trade_count


def _explain(codes: tuple[int, ...] | None) -> str:
    """Each condition in full, with what it keeps a trade from."""
    return "; ".join(
        _in_full(CONDITIONS[code]) if code in CONDITIONS else f"{code}: not a known condition"
        for code in codes or ()
    )


def _in_full(condition: Condition) -> str:
    kept = {
        "open and close": condition.open_close,
        "high and low": condition.high_low,
        "volume": condition.volume,
    }
    left_out = [part for part, counts in kept.items() if not counts]
    effect = f" (not in {', '.join(left_out)})" if left_out else ""
    return f"{condition.code} {condition.name}{effect}"
