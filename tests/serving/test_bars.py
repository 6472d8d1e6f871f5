from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.conditions import CONDITIONS
from serving.bars import SECOND, Bar, Interval, empty_bar, from_arrow, merge, roll_up, select_bars
from serving.queries import Query

_START = 1_700_000_000 * SECOND
_COLUMNS = pa.schema(
    [
        ("symbol", pa.string()),
        ("event_us", pa.int64()),
        ("price", pa.float64()),
        ("size", pa.float64()),
        ("trade_value", pa.float64()),
        ("conditions", pa.list_(pa.int32())),
        ("kafka_partition", pa.int32()),
        ("kafka_offset", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Tick:
    symbol: str
    event_us: int
    price: float
    size: float
    conditions: list[int] | None
    kafka_partition: int
    kafka_offset: int

    @property
    def trade_value(self) -> float:
        return self.price * self.size

    def updates(self, part: str) -> bool:
        known = [CONDITIONS[code] for code in self.conditions or [] if code in CONDITIONS]
        return all(getattr(condition, part) for condition in known)


def exact(value: float) -> Decimal:
    """DuckDB rounds a double to DECIMAL(38,12) by way of its own multiplication."""
    (answer,) = duckdb.execute("SELECT ?::DOUBLE::DECIMAL(38,12)", [value]).fetchone() or (None,)
    assert isinstance(answer, Decimal)
    return answer


def expected(ticks: list[Tick], interval: Interval) -> dict[tuple[str, int], Bar]:
    """The definition of bars.py, in plain Python."""
    ordered = sorted(ticks, key=lambda t: (t.symbol, t.event_us, t.kafka_partition, t.kafka_offset))
    width = interval.microseconds
    bars = {}
    for (symbol, start), group in groupby(
        ordered, key=lambda t: (t.symbol, t.event_us // width * width)
    ):
        trades = list(group)
        first_last = [t for t in trades if t.updates("open_close")]
        high_low = [t.price for t in trades if t.updates("high_low")]
        counted = [t for t in trades if t.updates("volume")]
        if not (first_last or high_low or counted):
            continue
        keys = [(t.event_us, t.kafka_partition, t.kafka_offset) for t in first_last]
        bars[symbol, start] = Bar(
            start,
            first_last[0].price if first_last else None,
            keys[0] if keys else None,
            first_last[-1].price if first_last else None,
            keys[-1] if keys else None,
            max(high_low, default=None),
            min(high_low, default=None),
            sum((exact(t.size) for t in counted), Decimal(0)),
            sum((exact(t.trade_value) for t in counted), Decimal(0)),
            len(counted),
        )
    return bars


codes = st.sampled_from([1, 2, 3, 8, 12, 16, 20, 24, 37, 39, 999])
ticks = st.lists(
    st.builds(
        Tick,
        symbol=st.sampled_from(["AAPL", "BINANCE:BTCUSDT"]),
        event_us=st.integers(_START, _START + 200 * SECOND),
        price=st.floats(0.0001, 1e6),
        size=st.floats(0, 1e6),
        conditions=st.none() | st.lists(codes, max_size=3),
        kafka_partition=st.integers(0, 1),
        kafka_offset=st.just(0),
    ),
    max_size=40,
).map(lambda made: [Tick(**{**t.__dict__, "kafka_offset": i}) for i, t in enumerate(made)])


def bars_by_sql(trades: list[Tick], interval: Interval) -> dict[tuple[str, int], Bar]:
    rows = [{name: getattr(t, name) for name in _COLUMNS.names} for t in trades]
    with duckdb.connect(":memory:") as database:
        database.register("given_trades", pa.Table.from_pylist(rows, _COLUMNS))
        query = select_bars(Query("SELECT * FROM given_trades"), interval)
        answer = from_arrow(database.execute(query.text).to_arrow_table())
    return {(symbol, bar.start): bar for symbol, bars in answer.items() for bar in bars}


@settings(deadline=None, max_examples=60)
@given(ticks, st.sampled_from([Interval.S1, Interval.S5, Interval.M1]))
def test_bars_by_sql_equal_their_definition(trades: list[Tick], interval: Interval) -> None:
    assert bars_by_sql(trades, interval) == expected(trades, interval)


@settings(deadline=None, max_examples=40)
@given(ticks, st.data())
def test_bars_of_parts_merge_into_the_bars_of_all(trades: list[Tick], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(trades)))
    whole = expected(trades, Interval.M1)
    parts = [expected(trades[cut:], Interval.M1), expected(trades[:cut], Interval.M1)]
    merged = {
        key: merge(
            merge(empty_bar(key[1]), parts[0].get(key, empty_bar(key[1]))),
            parts[1].get(key, empty_bar(key[1])),
        )
        for key in parts[0].keys() | parts[1].keys()
    }
    assert merged == whole


@settings(deadline=None, max_examples=40)
@given(ticks)
def test_longer_bars_are_the_roll_up_of_shorter_ones(trades: list[Tick]) -> None:
    seconds = expected(trades, Interval.S1)
    whole = expected(trades, Interval.M1)
    for symbol in {t.symbol for t in trades}:
        shorter = [bar for (name, _), bar in sorted(seconds.items()) if name == symbol]
        longer = [bar for (name, _), bar in sorted(whole.items()) if name == symbol]
        assert roll_up(shorter, Interval.M1) == longer


def one_minute(*trades: tuple[float, float, list[int] | None]) -> Iterator[Bar]:
    made = [
        Tick("X", _START // 60_000_000 * 60_000_000 + i * SECOND, price, size, conditions, 0, i)
        for i, (price, size, conditions) in enumerate(trades)
    ]
    return iter(bars_by_sql(made, Interval.M1).values())


def test_an_odd_lot_counts_volume_and_sets_no_price() -> None:
    (bar,) = one_minute((10.0, 5.0, [12]))
    assert (bar.open, bar.close, bar.high, bar.low) == (None, None, None, None)
    assert (bar.volume, bar.trade_count, bar.vwap) == (Decimal(5), 1, 10.0)


def test_a_report_of_the_official_close_makes_no_bar() -> None:
    assert list(one_minute((10.0, 5.0, [16]))) == []


def test_an_unknown_condition_updates_everything() -> None:
    (bar,) = one_minute((10.0, 5.0, [999]))
    assert (bar.open, bar.high, bar.volume) == (10.0, 10.0, Decimal(5))


def test_vwap_is_null_at_zero_volume() -> None:
    (bar,) = one_minute((10.0, 0.0, None))
    assert bar.vwap is None
    assert bar.open == 10.0


def test_a_trade_on_the_boundary_belongs_to_the_bar_it_opens() -> None:
    start = 60 * SECOND * 1000
    ticks_ = [Tick("X", t, 1.0, 1.0, None, 0, i) for i, t in enumerate((start - 1, start))]
    assert sorted(key[1] for key in bars_by_sql(ticks_, Interval.M1)) == [
        start - 60 * SECOND,
        start,
    ]


def test_sums_do_not_depend_on_the_order_of_addition() -> None:
    tenths = [(1.0, 0.1, None)] * 10
    (bar,) = one_minute(*tenths)
    assert bar.volume == Decimal(1)


@pytest.mark.parametrize("interval", list(Interval))
def test_every_interval_is_built_from_a_kept_one_that_divides_it(interval: Interval) -> None:
    assert Interval.D1.microseconds % interval.microseconds == 0
    assert interval.start_of(interval.microseconds * 7 + 1) == interval.microseconds * 7
