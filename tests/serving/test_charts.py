from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import charts
from serving.bars import SECOND, Bar, Interval
from serving.frames import Frame, Position, Quote, State, Trouble
from serving.market import Market
from serving.times import to_microseconds

_NOW = 1_700_000_000 * SECOND


def bar(start: int, price: float | None) -> Bar:
    key = None if price is None else (start, 0, 0)
    return Bar(start, price, key, price, key, price, price, Decimal(2), Decimal(0), 1)


def live_frame() -> Frame:
    market = Market({})
    market.add_trades({"AAPL": [bar(_NOW - 2 * SECOND, 229.81), bar(_NOW - SECOND, None)]})
    market.add_tape([("AAPL", _NOW - SECOND, 229.81, 7.0, (1, 12)), ("B", _NOW, 0.5, 1.0, None)])
    return Frame(
        version=3,
        state=State.LIVE,
        position=Position(42, _NOW, _NOW - SECOND, 2),
        quotes=market.quotes(),
        tape=market.tape(),
        kept_bars=market.kept_bars(),
    )


columns = st.integers(0, 20).flatmap(
    lambda rows: st.dictionaries(
        st.text(max_size=9),
        st.lists(st.floats(width=64), min_size=rows, max_size=rows),
        min_size=1,
        max_size=4,
    )
)


@settings(deadline=None)
@given(columns, st.dictionaries(st.sampled_from(["a", "b", "ü"]), st.text(max_size=20)))
def test_a_payload_unpacks_to_what_was_packed(
    given_columns: dict[str, list[float]], header: dict[str, str]
) -> None:
    found_header, found = charts.unpack(charts.pack(header, given_columns))
    assert {name: found_header[name] for name in header} == header
    assert found.keys() == given_columns.keys()
    for name, values in given_columns.items():
        np.testing.assert_array_equal(found[name], np.array(values))


def test_candles_carry_missing_prices_as_nan() -> None:
    header, found = charts.unpack(charts.candles(live_frame(), "AAPL", Interval.S1))
    assert header["rows"] == 2
    assert header["last"] == 229.81
    assert np.isnan(found["close"][1])
    assert found["volume"][1] == 2
    assert found["time"][0] == (_NOW - 2 * SECOND) / 1000


def frame_of(symbol: str, bars: Sequence[Bar]) -> Frame:
    quote = Quote(symbol, 10.0, bars[-1].start, 0, None, ())
    minutes = {symbol: {Interval.M1: tuple(bars)}}
    return Frame(state=State.LIVE, quotes={symbol: quote}, kept_bars=minutes)


def minutes_of(start: int, count: int) -> list[Bar]:
    width = Interval.M1.microseconds
    return [bar(start + number * width, 10.0 + number % 7) for number in range(count)]


def header_of(frame: Frame, symbol: str, shown: tuple[int, int] | None = None) -> dict[str, Any]:
    header, _ = charts.unpack(charts.candles(frame, symbol, Interval.M1, shown))
    return header


def test_the_newest_bars_are_sent_or_those_around_what_is_shown() -> None:
    minutes = minutes_of(_NOW, 4000)
    frame = frame_of("BINANCE:BTCUSDT", minutes)

    def sent(first: int | None = None) -> list[float]:
        shown = None if first is None else (minutes[first].start, minutes[first + 100].start)
        payload = charts.candles(frame, "BINANCE:BTCUSDT", Interval.M1, shown)
        return list(charts.unpack(payload)[1]["time"] * 1000)

    newest = [one.start for one in minutes[-charts.BARS_SENT :]]
    assert sent() == newest
    assert sent(3800) == newest
    assert sent(2000) == [one.start for one in minutes[1250:2750]]
    assert sent(0) == [one.start for one in minutes[: charts.BARS_SENT]]


def test_averages_know_the_bars_before_those_that_are_sent() -> None:
    frame = frame_of("BINANCE:BTCUSDT", minutes_of(_NOW, charts.BARS_SENT + 60))
    _, found = charts.unpack(charts.candles(frame, "BINANCE:BTCUSDT", Interval.M1))
    for length in charts.AVERAGES:
        assert not np.isnan(found[f"average_{length}"]).any()


def test_a_night_is_collapsed_and_gaps_in_the_feed_are_told() -> None:
    first, second = (to_microseconds(f"2025-10-{day}T14:00:00Z") for day in (13, 14))
    frame = frame_of("AAPL", [bar(first, 10.0), bar(second, 11.0)])
    gaps = ((first - 9 * SECOND, first - SECOND), (first + SECOND, first + 9 * SECOND))
    header = header_of(replace(frame, gaps=gaps), "AAPL")
    night = ("2025-10-13T20:00:00Z", "2025-10-14T13:30:00Z")
    assert header["collapsed"] == [[to_microseconds(end) / 1000 for end in night]]
    assert header["gaps"] == [[end / 1000 for end in gaps[1]]]


def test_a_profile_is_of_the_day_or_of_what_is_shown() -> None:
    minutes = minutes_of(to_microseconds("2025-10-13T00:00:00Z"), 90)
    frame = frame_of("BINANCE:BTCUSDT", minutes)
    profile = header_of(frame, "BINANCE:BTCUSDT")["profile"]
    assert (profile["of"], profile["from"], sum(profile["volumes"])) == ("the day", "1m", 180.0)
    shown = (minutes[10].start, minutes[20].start)
    header = header_of(frame, "BINANCE:BTCUSDT", shown)
    assert header["range"] == [end / 1000 for end in shown]
    assert header["profile"]["of"] == "the shown time"
    assert sum(header["profile"]["volumes"]) == 20.0


def test_the_same_bars_make_the_same_bytes_whatever_the_frames_version() -> None:
    frame = live_frame()
    one = charts.candles(frame, "AAPL", Interval.S1)
    assert one == charts.candles(replace(frame, version=frame.version + 1), "AAPL", Interval.S1)


def test_an_empty_chart_says_why() -> None:
    def why(frame: Frame, symbol: str = "AAPL") -> str:
        header, _ = charts.unpack(charts.candles(frame, symbol, Interval.M1))
        return str(header["empty"][0])

    assert why(Frame()) == "Loading"
    assert why(Frame(state=State.EMPTY)) == "No trade yet"
    assert why(live_frame(), "XYZ") == "No trade yet: XYZ"
    broken = Frame(state=State.BROKEN, trouble=Trouble(_NOW, "no answer"))
    assert why(broken) == "The lake does not answer"
    past, _ = charts.unpack(charts.candles(Frame(as_of=_NOW, state=State.LIVE), "X", Interval.M1))
    assert past["empty"][1] == "At this moment the lake held none of this symbol."


def test_prices_show_with_the_decimals_they_have() -> None:
    def decimals(*prices: float) -> int:
        return charts.decimals_of(Quote("X", prices[-1], 0, 0, None, prices))

    assert decimals(97200.5) == 2
    assert decimals(3.1234) == 4
    assert decimals(0.00001234) == 8
    assert charts.decimals_of(None) == 2


def test_an_unknown_condition_shows_as_its_number() -> None:
    assert charts.short_conditions((1, 999, 12)) == "code 999, Odd lot"
    assert charts.short_conditions(None) == ""
