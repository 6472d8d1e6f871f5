from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import charts
from serving.bars import SECOND, Bar, Interval
from serving.frames import FeedEvent, Frame, Position, Quote, State, Trouble
from serving.market import Market

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


def test_an_empty_chart_says_why() -> None:
    def why(frame: Frame, symbol: str = "AAPL") -> str:
        header, _ = charts.unpack(charts.candles(frame, symbol, Interval.M1))
        return str(header["empty"][0])

    assert why(Frame()) == "Loading"
    assert why(Frame(state=State.EMPTY)) == "No trade yet"
    assert why(live_frame(), "XYZ") == "No trade yet: XYZ"
    broken = Frame(state=State.BROKEN, trouble=Trouble(_NOW, "no answer"))
    assert why(broken) == "The lake does not answer"


def test_the_tape_decodes_conditions_and_keeps_symbols_by_index() -> None:
    header, found = charts.unpack(charts.tape(live_frame(), "AAPL"))
    newest_first = [header["symbols"][int(place)] for place in found["symbol"]]
    assert newest_first == ["B", "AAPL"]
    said = [header["conditions"][int(place)] for place in found["conditions"]]
    assert said == ["", "Odd lot"]


def test_hostile_text_travels_as_data() -> None:
    market = Market({})
    symbol = "<img src=x onerror=alert(1)>"
    market.add_tape([(symbol, _NOW, 1.0, 1.0, None)])
    header, _ = charts.unpack(charts.tape(Frame(tape=market.tape()), symbol))
    assert header["symbols"] == [symbol]


def badge_of(frame: Frame, now: int = _NOW) -> str:
    badge = charts.status(frame, "AAPL", now)["badge"]
    assert isinstance(badge, dict)
    return str(badge["text"])


def test_each_state_looks_different() -> None:
    frame = live_frame()
    disconnected = FeedEvent("disconnected", "closed by peer", _NOW)
    broken = replace(frame, state=State.BROKEN, trouble=Trouble(_NOW, "no answer"))
    assert badge_of(Frame()) == "LOADING"
    assert badge_of(Frame(state=State.EMPTY)) == "WAITING"
    assert badge_of(frame) == "● LIVE"
    assert badge_of(frame, _NOW + 60 * SECOND) == "QUIET"
    assert badge_of(replace(frame, feed=disconnected)) == "FEED DISCONNECTED"
    assert badge_of(broken) == "NOT LIVE"


def test_the_status_says_to_when_the_data_is_complete_and_from_which_snapshot() -> None:
    status = charts.status(live_frame(), "AAPL", _NOW)
    assert status["truth"] == ["data complete to 22:13:19 UTC", "lag 1.0 s", "snapshot 42"]
    assert status["trouble"] is None


def test_trouble_is_shown_with_its_reason_and_since_when() -> None:
    broken = Frame(state=State.BROKEN, trouble=Trouble(_NOW, "The catalog does not answer."))
    trouble = charts.status(broken, "AAPL", _NOW)["trouble"]
    assert trouble == (
        "Nothing new since 22:13:20 UTC, what you see is older. The catalog does not answer."
    )


def test_a_symbol_without_recent_trades_is_stale() -> None:
    rows = charts.watch_list(live_frame(), "AAPL", _NOW + 600 * SECOND)["rows"]
    assert isinstance(rows, list)
    assert rows[0]["stale"] == "10 min"


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
