from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.bars import SECOND, Bar, Interval, empty_bar
from serving.frames import Frame
from serving.indicators import (
    VALUE_AREA,
    Profile,
    column,
    day_vwap,
    finest_bars,
    moving_average,
    volume_profile,
)
from serving.market import Market
from serving.times import to_microseconds

NAN = float("nan")
MIDNIGHT = to_microseconds("2025-10-13T00:00:00Z")
OPEN = to_microseconds("2025-10-13T13:30:00Z")
MINUTE = Interval.M1.microseconds


def traded(start: int, price: float, volume: float) -> Bar:
    key, size = (start, 0, start), Decimal(str(volume))
    value = Decimal(str(price)) * size
    return Bar(start, price, key, price, key, price, price, size, value, 1)


def frame_of(symbol: str, *seconds: Bar) -> Frame:
    market = Market({})
    market.add_trades({symbol: seconds})
    return Frame(quotes=market.quotes(), kept_bars=market.kept_bars())


def vwap(frame: Frame, symbol: str, interval: Interval) -> list[float]:
    return day_vwap(frame, symbol, interval, frame.bars(symbol, interval)).tolist()


def test_a_moving_average_is_the_mean_of_the_last_values():
    found = moving_average(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    np.testing.assert_array_equal(found, [NAN, 1.5, 2.5, 3.5])
    assert np.isnan(moving_average(np.array([1.0]), 2)).all()
    assert len(moving_average(np.array([]), 2)) == 0


def test_a_missing_value_counts_as_the_one_before_it():
    found = moving_average(np.array([NAN, 2.0, NAN, 4.0, 6.0]), 2)
    np.testing.assert_array_equal(found, [NAN, NAN, 2.0, 3.0, 5.0])


def test_vwap_since_the_day_is_the_same_at_every_interval():
    symbol = "BINANCE:BTCUSDT"
    trades = [
        traded(MIDNIGHT + 3 * SECOND, 10.0, 1.0),
        traded(MIDNIGHT + 70 * SECOND, 20.0, 3.0),
        traded(MIDNIGHT + 400 * SECOND, 40.0, 1.0),
    ]
    frame = frame_of(symbol, *trades)
    whole = (10 + 60 + 40) / 5
    for interval in (Interval.S1, Interval.S5, Interval.M1, Interval.M5, Interval.H1, Interval.D1):
        assert vwap(frame, symbol, interval)[-1] == pytest.approx(whole)
    assert vwap(frame, symbol, Interval.M1) == pytest.approx([10.0, 17.5, whole])


def test_vwap_starts_anew_with_each_session():
    frame = frame_of(
        "AAPL",
        traded(OPEN - MINUTE, 5.0, 100.0),
        traded(OPEN, 10.0, 1.0),
        traded(OPEN + MINUTE, 20.0, 1.0),
        traded(OPEN + Interval.D1.microseconds, 30.0, 1.0),
    )
    assert vwap(frame, "AAPL", Interval.M1) == pytest.approx([5.0, 10.0, 15.0, 30.0])
    # An hour from 13:00 holds the end of one day and the start of the next.
    assert np.isnan(vwap(frame, "AAPL", Interval.H1)[0])


def test_seconds_that_are_held_for_an_hour_only_go_on_from_the_minutes_before():
    symbol = "BINANCE:BTCUSDT"
    old, new = traded(MIDNIGHT + 5 * SECOND, 10.0, 3.0), MIDNIGHT + 7200 * SECOND
    frame = frame_of(symbol, old, traded(new, 20.0, 1.0), traded(new + MINUTE, 20.0, 1.0))
    kept = dict(frame.kept_bars[symbol])
    kept[Interval.S1] = kept[Interval.S1][1:]
    frame = replace(frame, kept_bars={symbol: kept})
    assert vwap(frame, symbol, Interval.S1) == pytest.approx([12.5, 14.0])


def test_vwap_waits_until_history_is_loaded():
    frame = replace(frame_of("AAPL", traded(OPEN, 10.0, 1.0)), loading_history=True)
    assert np.isnan(vwap(frame, "AAPL", Interval.M1)).all()
    assert vwap(Frame(), "AAPL", Interval.M1) == []


def test_the_finest_bars_that_reach_back_are_taken():
    symbol = "BINANCE:BTCUSDT"
    hours = [traded(MIDNIGHT + n * 600 * SECOND, 10.0, 1.0) for n in range(24)]
    frame = frame_of(symbol, *hours)
    kept = dict(frame.kept_bars[symbol])
    kept[Interval.S1] = kept[Interval.S1][-3:]
    frame = replace(frame, kept_bars={symbol: kept})
    assert finest_bars(frame, symbol, MIDNIGHT)[0] is Interval.M1
    interval, bars = finest_bars(frame, symbol, hours[-2].start, hours[-1].start)
    assert interval is Interval.S1
    assert [bar.start for bar in bars] == [hours[-2].start]


prices = st.floats(0.01, 1e6)
some_bars = st.lists(
    st.builds(
        lambda one, other, volume: replace(
            empty_bar(0), low=min(one, other), high=max(one, other), volume=Decimal(volume)
        ),
        prices,
        prices,
        st.integers(0, 10_000),
    ),
    max_size=30,
)


@given(some_bars, st.integers(1, 60))
def test_a_profile_holds_all_volume_and_its_area_enough_of_it(bars: list[Bar], levels: int):
    total = float(sum(bar.volume for bar in bars))
    profile = volume_profile(bars, levels)
    assert (profile is None) == (total == 0)
    if profile is not None:
        first, last = profile.area
        assert sum(profile.volumes) == pytest.approx(total)
        assert profile.volumes[profile.peak] == max(profile.volumes)
        assert first <= profile.peak <= last
        assert sum(profile.volumes[first : last + 1]) >= VALUE_AREA * total * (1 - 1e-9)


def test_a_bar_is_spread_evenly_and_the_area_grows_towards_the_larger_neighbour():
    flat = replace(empty_bar(0), low=10.0, high=14.0, volume=Decimal(4))
    peak = replace(empty_bar(0), low=11.0, high=12.0, volume=Decimal(6))
    beside = replace(empty_bar(0), low=12.0, high=13.0, volume=Decimal(2))
    assert volume_profile([flat, peak, beside], 4) == Profile(
        10.0, 1.0, (1.0, 7.0, 3.0, 1.0), 1, (1, 2)
    )


def test_a_bar_of_odd_lots_stands_at_its_vwap_and_one_price_has_a_level():
    odd_lots = replace(empty_bar(0), volume=Decimal(2), trade_value=Decimal(20))
    profile = volume_profile([odd_lots])
    assert profile is not None
    assert profile.low == 10.0
    assert profile.step > 0
    assert profile.volumes[profile.peak] == 2.0


def test_a_column_has_nan_where_a_bar_has_nothing():
    np.testing.assert_array_equal(column([empty_bar(0)], "close"), [NAN])
    np.testing.assert_array_equal(column([empty_bar(0)], "volume"), [0.0])
