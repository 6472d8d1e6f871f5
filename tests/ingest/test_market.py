"""The made-up market: the same for the same arguments, and believable."""

import statistics
from itertools import pairwise

import pytest

from ingest.market import CLOSE_SECOND, OPEN_SECOND, Market
from ingest.walks import walk

MONDAY = 1_760_313_600  # 2025-10-13 00:00 UTC
NIGHT = MONDAY + 3 * 3600
SESSION = MONDAY + OPEN_SECOND + 3600
# Form T: a trade of the extended session.
FORM_T = "24"
SYMBOLS = ("BINANCE:BTCUSDT", "AAPL", "NVDA", "TSLA")


def trades_of(symbols=SYMBOLS, rate=25.0, seed=1, start=SESSION, seconds=120):
    market = Market(seed, symbols, rate)
    return [trade for second in range(start, start + seconds) for trade in market.trades(second)]


def test_the_same_seed_symbols_and_time_give_the_same_trades():
    assert trades_of() == trades_of()


def test_a_restart_in_the_middle_goes_on_with_the_same_trades():
    whole = trades_of(seconds=120)
    assert (
        trades_of(start=SESSION + 60, seconds=60)
        == whole[-len(trades_of(start=SESSION + 60, seconds=60)) :]
    )


@pytest.mark.parametrize("change", [{"seed": 2}, {"start": SESSION + 1}])
def test_another_seed_or_time_gives_other_trades(change):
    assert trades_of(**change) != trades_of()


def test_trades_come_in_order_of_time_within_their_second():
    for second in range(SESSION, SESSION + 60):
        times = [trade.time_ms for trade in Market(1, SYMBOLS, 200.0).trades(second)]
        assert times == sorted(times)
        assert all(second * 1000 <= time < (second + 1) * 1000 for time in times)


@pytest.mark.parametrize("rate", [5.0, 50.0])
@pytest.mark.parametrize("start", [SESSION, NIGHT])
def test_the_rate_is_about_what_was_asked_for(rate, start):
    count = len(trades_of(rate=rate, start=start, seconds=1800))
    assert 0.5 < count / 1800 / rate < 2


def test_stocks_trade_at_night_and_at_the_weekend_as_form_t():
    for start in (NIGHT, SESSION - 86_400):
        stocks = [trade for trade in trades_of(start=start) if trade.symbol == "AAPL"]
        assert stocks
        assert all(FORM_T in trade.conditions for trade in stocks)


def test_in_the_session_stocks_carry_no_form_t():
    stocks = [trade for trade in trades_of() if trade.symbol != "BINANCE:BTCUSDT"]
    assert not any(FORM_T in trade.conditions for trade in stocks)


def test_crypto_has_null_conditions_and_fractional_sizes():
    crypto = [trade for trade in trades_of() if trade.symbol == "BINANCE:BTCUSDT"]
    assert {trade.conditions for trade in crypto} == {None}
    assert any(trade.size % 1 for trade in crypto)


def test_odd_lots_carry_their_code_and_no_other_trade_does():
    stocks = [trade for trade in trades_of(seconds=600) if trade.symbol == "AAPL"]
    assert {"12" in trade.conditions for trade in stocks} == {True, False}
    assert all(("12" in trade.conditions) == (trade.size < 100) for trade in stocks)
    assert any("8" in trade.conditions for trade in stocks)


def test_open_and_close_print_an_auction_and_report_an_official_price():
    market = Market(1, ("AAPL",), 25.0)
    opening = {code for trade in market.trades(MONDAY + OPEN_SECOND) for code in trade.conditions}
    closing = {code for trade in market.trades(MONDAY + CLOSE_SECOND) for code in trade.conditions}
    assert {"19", "20"} <= opening
    assert {"36", "16"} <= closing


def test_open_and_close_are_busier_than_noon():
    def count(start):
        return len(trades_of(rate=30.0, start=MONDAY + start, seconds=900))

    noon = count((OPEN_SECOND + CLOSE_SECOND) // 2)
    assert count(OPEN_SECOND) > noon
    assert count(CLOSE_SECOND - 900) > noon


def test_there_are_bursts_and_quiet_spells():
    counts = [len(Market(1, ("AAPL",), 20.0).trades(SESSION + i)) for i in range(1800)]
    assert max(counts) > 3 * statistics.mean(counts)
    assert 0 in counts


def test_prices_move_without_jumping():
    prices = [trade.price for trade in trades_of(seconds=1800) if trade.symbol == "AAPL"]
    assert len(set(prices)) > 20
    assert all(abs(b / a - 1) < 0.01 for a, b in pairwise(prices))
    assert all(price == round(price, 2) > 0 for price in prices)


def test_symbols_move_together_but_not_alike():
    minutes = range(0, 86_400, 60)
    market = Market(1, SYMBOLS, 25.0)
    apple, nvidia = (
        [market._price(listing, SESSION + minute) for minute in minutes]
        for listing in market._listings[1:3]
    )
    moves = [[b / a - 1 for a, b in pairwise(prices)] for prices in (apple, nvidia)]
    assert 0.1 < statistics.correlation(*moves) < 0.8


def test_a_walk_is_continuous_and_comes_back():
    values = [walk("name", day * 86_400) for day in range(365)]
    assert max(map(abs, values)) < 10 * (1 << 19) ** 0.5
    assert abs(walk("name", 1000.5) - walk("name", 1000)) < 10
