from dataclasses import replace
from decimal import Decimal
from typing import Any

from numpy.typing import NDArray

from serving.bars import SECOND, Bar
from serving.charts import unpack
from serving.frames import SYMBOL_TAPE_ROWS, TAPE_ROWS, Frame
from serving.market import Market
from serving.tape import LARGE, tape

NOW = 1_700_000_000 * SECOND


def market_of(*rows: tuple[str, float, float, tuple[int, ...] | None]) -> Market:
    """Trades as (symbol, price, size, conditions), one a second."""
    market = Market({})
    for number, (symbol, price, size, _) in enumerate(rows):
        at = NOW + number * SECOND
        key, exact = (at, 0, number), Decimal(str(size))
        value = Decimal(str(price)) * exact
        bar = Bar(at, price, key, price, key, price, price, exact, value, 1)
        market.add_trades({symbol: [bar]})
    market.add_tape(
        (symbol, NOW + number * SECOND, price, size, conditions)
        for number, (symbol, price, size, conditions) in enumerate(rows)
    )
    return market


def frame_of(market: Market) -> Frame:
    return Frame(quotes=market.quotes(), tape=market.tape(), tapes=market.tapes())


def sent(frame: Frame, symbol: str = "AAPL") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    return unpack(tape(frame, symbol))


def test_the_newest_is_first_and_symbols_travel_by_index():
    header, found = sent(frame_of(market_of(("AAPL", 10, 7, (1, 12)), ("B", 0.5, 1, None))))
    assert [header["symbols"][int(place)] for place in found["symbol"]] == ["B", "AAPL"]
    assert found["time"].tolist() == [(NOW + SECOND) / 1000, NOW / 1000]
    assert header["serial"] == 2


def test_conditions_are_decoded_shortly_and_in_full():
    header, found = sent(frame_of(market_of(("AAPL", 10, 1, (1, 12)), ("AAPL", 10, 1, (999,)))))
    said = [header["conditions"][int(place)] for place in found["conditions"]]
    assert said == [
        ["code 999", "999: not a known condition"],
        ["Odd lot", "1 Regular; 12 Odd lot (not in open and close, high and low)"],
    ]


def test_a_trade_of_many_times_the_mean_value_is_large():
    usual = [("AAPL", 10.0, 1.0, None)] * 99
    header, found = sent(frame_of(market_of(*usual, ("AAPL", 10.0, 99.0, None))))
    assert header["large"] == LARGE
    assert found["large"].tolist() == [1.0, *[0.0] * 99]


def test_no_trade_is_large_where_the_day_is_not_known():
    frame = frame_of(market_of(("AAPL", 10, 1, None)))
    quotes = {name: replace(quote, day=None) for name, quote in frame.quotes.items()}
    _, found = sent(replace(frame, quotes=quotes))
    assert found["large"].tolist() == [0.0]


def test_older_trades_of_the_chosen_symbol_come_along():
    market = market_of(*[("AAPL", 10, 1, None)] * 3)
    market.add_tape(("B", NOW + n, 1.0, 1.0, None) for n in range(TAPE_ROWS))
    header, found = sent(frame_of(market))
    assert header["rows"] == TAPE_ROWS + 3
    mine = found["symbol"] == header["symbols"].index("AAPL")
    assert found["serial"][mine].tolist() == [3, 2, 1]
    assert (found["serial"][~mine] >= header["all_from"]).all()
    assert (found["serial"][mine] < header["all_from"]).all()
    header, _ = sent(frame_of(market), "B")
    assert header["rows"] == TAPE_ROWS


def test_each_symbol_keeps_so_many_trades_of_its_own():
    market = market_of()
    market.add_tape(("AAPL", NOW + n, 1.0, 1.0, None) for n in range(SYMBOL_TAPE_ROWS + 5))
    assert len(market.tapes()["AAPL"]) == SYMBOL_TAPE_ROWS
    assert market.tapes()["AAPL"][0].serial == SYMBOL_TAPE_ROWS + 5


def test_hostile_text_travels_as_data():
    symbol = "<img src=x onerror=alert(1)>"
    header, _ = sent(frame_of(market_of((symbol, 1, 1, None))), symbol)
    assert header["symbols"] == [symbol]


def test_the_same_frame_makes_the_same_bytes_and_a_past_one_says_so():
    frame = frame_of(market_of(("AAPL", 10, 1, None)))
    assert tape(frame, "AAPL") == tape(replace(frame, version=99), "AAPL")
    assert sent(replace(frame, as_of=NOW))[0]["as_of"] == NOW
    header, found = sent(Frame())
    assert (header["serial"], header["empty"], len(found["time"])) == (0, "Loading …", 0)
