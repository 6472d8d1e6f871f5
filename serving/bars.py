"""Bars: OHLCV, VWAP and trade count over half-open intervals, closed on the left, stamped by start.

What a trade updates is decided by its conditions (`catalog.conditions`):
- open and close: the first and last trade that may set them, by event time; ties are broken by
  topic partition and offset, the order in which they were received.
- high and low, volume: every trade that may update them. `trade_count` counts those that update
  volume; `trade_value` is their sum of price x size, and VWAP is `trade_value / volume`.
- A bar exists where at least one trade updates any part of it. Without a trade that may set them,
  open and close (or high and low) are null while the volume counts; VWAP is null at zero volume.

Sums are exact, in DECIMAL(38,12). Bars are a monoid: the bar of all trades is the merge of the bars
of any parts of them, which is how late trades revise a bar and long intervals come from short ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from functools import reduce
from itertools import groupby

import pyarrow as pa

from catalog.errors import QueryError
from serving.queries import Query, updates

SECOND = 1_000_000
_EXACT = Context(prec=76)

Key = tuple[int, int, int]


class Interval(StrEnum):
    """The lengths of bars that the screen offers; days are UTC days."""

    S1 = "1s"
    S5 = "5s"
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    D1 = "1d"

    @property
    def microseconds(self) -> int:
        """Its length."""
        unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}[self.value[-1]]
        return int(self.value[:-1]) * unit * SECOND

    def start_of(self, time: int) -> int:
        """The start of the bar that holds `time`; both in microseconds."""
        return time - time % self.microseconds

    def next_start(self, time: int) -> int:
        """The first start of a bar at or after `time`; both in microseconds."""
        return -self.start_of(-time)

    def start_in_sql(self, time: str) -> str:
        """The same as `start_of`, as an expression over a column."""
        width = self.microseconds
        return f"{time} - (({time} % {width}) + {width}) % {width}"


def parse_interval(text: str) -> Interval:
    """Raises QueryError."""
    try:
        return Interval(text)
    except ValueError as error:
        raise QueryError(
            f"{text!r} is no length of bars. There are {', '.join(Interval)}."
        ) from error


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `start` is in microseconds; keys are (event time, topic partition, offset)."""

    start: int
    open: float | None
    open_key: Key | None
    close: float | None
    close_key: Key | None
    high: float | None
    low: float | None
    volume: Decimal
    trade_value: Decimal
    trade_count: int

    @property
    def vwap(self) -> float | None:
        """Volume-weighted average price; None when volume is zero."""
        return float(_EXACT.divide(self.trade_value, self.volume)) if self.volume else None


def empty_bar(start: int) -> Bar:
    """The bar of no trades."""
    return Bar(start, None, None, None, None, None, None, Decimal(0), Decimal(0), 0)


def merge(one: Bar, other: Bar) -> Bar:
    """The bar of the trades of both, in whatever order they come, with the start of `one`."""
    first, last = one, one
    if other.open_key is not None and (one.open_key is None or other.open_key < one.open_key):
        first = other
    if other.close_key is not None and (one.close_key is None or other.close_key > one.close_key):
        last = other
    highs = [high for high in (one.high, other.high) if high is not None]
    lows = [low for low in (one.low, other.low) if low is not None]
    return Bar(
        one.start,
        first.open,
        first.open_key,
        last.close,
        last.close_key,
        max(highs, default=None),
        min(lows, default=None),
        _EXACT.add(one.volume, other.volume),
        _EXACT.add(one.trade_value, other.trade_value),
        one.trade_count + other.trade_count,
    )


def roll_up(bars: Iterable[Bar], interval: Interval) -> list[Bar]:
    """Bars of a longer interval from bars of a shorter one that divides it, in order of start."""
    return [
        reduce(merge, group, empty_bar(start))
        for start, group in groupby(bars, key=lambda bar: interval.start_of(bar.start))
    ]


def select_bars(trades: Query, interval: Interval) -> Query:
    """Bars of the rows that `trades` selects (with the columns of `queries`), by symbol and start.

    `bar_start` is in microseconds; `open_key` and `close_key` are structs of the key's three parts.
    """
    return Query(
        f"""
        WITH trade AS (
            SELECT *,
                {interval.start_in_sql("event_us")} AS bar_start,
                {{'t': event_us, 'p': kafka_partition, 'o': kafka_offset}} AS key,
                price IS NOT NULL AND {updates("open_close")} AS sets_open_close,
                price IS NOT NULL AND {updates("high_low")} AS sets_high_low,
                {updates("volume")} AS sets_volume,
                -- One absurd number must not take every other bar down with it.
                TRY_CAST(size AS DECIMAL(38,12)) AS exact_size,
                TRY_CAST(trade_value AS DECIMAL(38,12)) AS exact_value
            FROM ({trades.text})
        )
        SELECT symbol, bar_start,
            arg_min(price, key) FILTER (sets_open_close) AS open,
            min(key) FILTER (sets_open_close) AS open_key,
            arg_max(price, key) FILTER (sets_open_close) AS close,
            max(key) FILTER (sets_open_close) AS close_key,
            max(price) FILTER (sets_high_low) AS high,
            min(price) FILTER (sets_high_low) AS low,
            coalesce(sum(exact_size) FILTER (sets_volume), 0)::DECIMAL(38,12) AS volume,
            coalesce(sum(exact_value) FILTER (sets_volume), 0)::DECIMAL(38,12) AS trade_value,
            count(*) FILTER (sets_volume) AS trade_count
        FROM trade
        GROUP BY symbol, bar_start
        -- Not WHERE: that would look at the conditions of each trade a second time.
        HAVING bool_or(sets_open_close OR sets_high_low OR sets_volume)
        ORDER BY symbol, bar_start
        """,
        trades.parameters,
    )


def select_shown_bars(trades: Query, interval: Interval) -> Query:
    """The same bars as users see them: `bar_start` is a time, VWAP stands beside its parts."""
    bars = select_bars(trades, interval)
    return Query(
        "SELECT symbol, make_timestamptz(bar_start) AS bar_start, open, high, low, close, volume,"
        f" trade_value, {vwap_in_sql()} AS vwap, trade_count FROM ({bars.text})",
        bars.parameters,
    )


def vwap_in_sql(prefix: str = "") -> str:
    """`Bar.vwap` as an expression over what `select_bars` answers."""
    value, volume = f"{prefix}trade_value", f"{prefix}volume"
    return f"CASE WHEN {volume} <> 0 THEN {value}::DOUBLE / {volume}::DOUBLE END"


def from_arrow(table: pa.Table) -> dict[str, list[Bar]]:
    """What `select_bars` answered, as bars in order of start, for each symbol."""
    bars: dict[str, list[Bar]] = {}
    for row in table.to_pylist():
        bars.setdefault(row["symbol"], []).append(
            Bar(
                row["bar_start"],
                row["open"],
                _key(row["open_key"]),
                row["close"],
                _key(row["close_key"]),
                row["high"],
                row["low"],
                row["volume"],
                row["trade_value"],
                row["trade_count"],
            )
        )
    return bars


def _key(struct: dict[str, int] | None) -> Key | None:
    return None if struct is None else (struct["t"], struct["p"], struct["o"])
