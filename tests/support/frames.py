"""Frames for tests without a lake."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from serving.bars import Bar, Interval, empty_bar
from serving.frames import Frame, Position, Quote, State


def bar(start: int, price: float, volume: float = 1.0, close: float | None = None) -> Bar:
    """A bar that opens at the price and closes there, or at `close`."""
    last = price if close is None else close
    return replace(
        empty_bar(start),
        open=price,
        close=last,
        high=max(price, last),
        low=min(price, last),
        volume=Decimal(str(volume)),
        trade_count=1,
    )


def frame_of(
    bars: Mapping[str, Mapping[Interval, Sequence[Bar]]],
    last_times: Mapping[str, int],
    *,
    received_to: Mapping[str, int] | None = None,
    **fields: object,
) -> Frame:
    """A frame of symbols with these bars and last trades, all times in microseconds."""
    heard = dict(last_times) if received_to is None else dict(received_to)
    newest = max(heard.values(), default=None)
    quotes = {
        symbol: Quote(symbol, _last(bars.get(symbol, {})), at, 0, None, ())
        for symbol, at in last_times.items()
    }
    made = Frame(
        version=1,
        state=State.LIVE,
        position=Position(7, newest or 0, newest, len(quotes), heard),
        quotes=quotes,
        kept_bars={symbol: dict(kept) for symbol, kept in bars.items()},
    )
    return replace(made, **fields)


def _last(kept: Mapping[Interval, Sequence[Bar]]) -> float | None:
    for some in kept.values():
        if some:
            return some[-1].close
    return 100.0
