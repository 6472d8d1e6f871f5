from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from serving.bars import SECOND, Bar
from serving.frames import WINDOWS, FeedEvent, Frame, Position, State, Trouble
from serving.market import Market
from serving.quotes import HEAT_MAP_ASPECT, movers, status, watch_list
from serving.times import to_microseconds

# A Monday, an hour after the open in New York.
NOW = to_microseconds("2025-10-13T14:30:00Z")
SATURDAY = to_microseconds("2025-10-11T14:30:00Z")
COIN = "BINANCE:BTCUSDT"


def second(at: int, price: float, size: float = 2.0) -> Bar:
    key, exact = (at, 0, at), Decimal(str(size))
    value = Decimal(str(price)) * exact
    return Bar(at, price, key, price, key, price, price, exact, value, 1)


def frame_of(trades: Mapping[str, list[Bar]], now: int = NOW) -> Frame:
    market = Market({})
    market.add_trades(trades)
    heard = {symbol: bars[-1].start for symbol, bars in trades.items()}
    return Frame(
        version=3,
        state=State.LIVE,
        position=Position(42, now, max(heard.values()), 2, heard),
        quotes=market.quotes(),
        kept_bars=market.kept_bars(),
    )


def live_frame() -> Frame:
    return frame_of({"AAPL": [second(NOW - 2 * SECOND, 229.81), second(NOW - SECOND, 229.9)]})


def badge_of(frame: Frame, now: int = NOW, symbol: str = "AAPL") -> str:
    badge = status(frame, symbol, now)["badge"]
    assert isinstance(badge, dict)
    return str(badge["text"])


def test_each_state_looks_different():
    frame = live_frame()
    disconnected = FeedEvent("disconnected", "closed by peer", NOW)
    broken = replace(frame, state=State.BROKEN, trouble=Trouble(NOW, "no answer"))
    assert badge_of(Frame()) == "LOADING"
    assert badge_of(Frame(state=State.EMPTY)) == "WAITING"
    assert badge_of(frame) == "● LIVE"
    assert badge_of(frame, NOW + 60 * SECOND) == "QUIET"
    assert badge_of(replace(frame, feed=disconnected)) == "FEED DISCONNECTED"
    assert badge_of(broken) == "NOT LIVE"
    assert badge_of(replace(frame, as_of=NOW)) == "AS OF"


def test_a_closed_market_is_told_for_the_symbol_it_closed_for():
    frame = frame_of(
        {
            "AAPL": [second(SATURDAY - 60 * SECOND, 229.81)],
            COIN: [second(SATURDAY - SECOND, 97_000.5)],
        },
        SATURDAY,
    )
    assert badge_of(frame, SATURDAY) == "☾ MARKET CLOSED"
    assert badge_of(frame, SATURDAY, COIN) == "● LIVE"
    rows = watch_list(frame, COIN, SATURDAY + 300 * SECOND)["rows"]
    assert isinstance(rows, list)
    assert [(row["symbol"], row["closed"], row["stale"]) for row in rows] == [
        ("AAPL", True, "6 min"),
        (COIN, False, "5 min"),
    ]


def test_a_recording_is_as_fresh_as_it_was_received():
    frame = frame_of({"AAPL": [second(to_microseconds("2013-10-07T14:00:00Z"), 480.5)]})
    heard = Position(42, NOW, NOW - SECOND, 1, {"AAPL": NOW - SECOND})
    frame = replace(frame, position=heard)
    assert badge_of(frame) == "● LIVE"
    (row,) = rows_of(watch_list(frame, "AAPL", NOW))
    assert row["stale"] is None


def rows_of(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(payload["rows"])


def test_the_status_says_to_when_the_data_is_complete_and_from_which_snapshot():
    told = status(live_frame(), "AAPL", NOW)
    assert told["truth"] == ["data complete to 14:29:59 UTC", "lag 1.0 s", "snapshot 42"]
    assert told["trouble"] is None
    past = status(replace(live_frame(), as_of=NOW), "AAPL", NOW)
    assert past["truth"] == ["data complete to 2025-10-13 14:29:59 UTC", "snapshot 42"]


def test_trouble_is_shown_with_its_reason_and_since_when():
    broken = Frame(state=State.BROKEN, trouble=Trouble(NOW, "The catalog does not answer."))
    assert status(broken, "AAPL", NOW)["trouble"] == (
        "Nothing new since 14:30:00 UTC, what you see is older. The catalog does not answer."
    )


def test_the_quote_is_of_the_session_and_counts_trades_a_second():
    trades = [second(NOW - 7200 * SECOND, 200.0), second(NOW - 1800 * SECOND, 220.0)]
    trades += [second(NOW - n * SECOND, 231.0, 4.0) for n in range(30, 0, -1)]
    quote = status(frame_of({"AAPL": trades}), "AAPL", NOW)["quote"]
    assert isinstance(quote, dict)
    # What traded before the open is of another day.
    assert quote["since"] == to_microseconds("2025-10-13T13:30:00Z") / 1000
    assert (quote["open"], quote["high"], quote["low"]) == (220.0, 231.0, 220.0)
    assert quote["change"] == pytest.approx(0.05)
    assert (quote["volume"], quote["trades"], quote["rate"]) == (122.0, 31, 0.5)


def test_no_rate_is_told_of_a_feed_that_is_silent():
    told = status(live_frame(), "AAPL", NOW + 60 * SECOND)["quote"]
    assert isinstance(told, dict)
    assert told["rate"] is None


def test_changes_over_windows_are_of_symbols_that_traded_in_them():
    five, hour = WINDOWS
    busy = [second(NOW - 7200 * SECOND, 80.0), second(NOW - 600 * SECOND, 100.0)]
    frame = frame_of(
        {
            COIN: [*busy, second(NOW - SECOND, 110.0)],
            "BINANCE:ETHUSDT": [second(NOW - 1200 * SECOND, 50.0)],
        }
    )
    coin, quiet = frame.quotes[COIN], frame.quotes["BINANCE:ETHUSDT"]
    assert coin.change_over(five) == pytest.approx(0.1)
    assert coin.change_over(hour) == pytest.approx(110 / 80 - 1)
    assert quiet.change_over(five) is None
    # It has no price of an hour before.
    assert quiet.change_over(hour) is None


def test_movers_come_by_traded_value_with_tiles_within_the_whole():
    frame = frame_of(
        {"AAPL": [second(NOW, 10.0, 1.0)], COIN: [second(NOW, 10.0, 9.0)], "B": [second(NOW, 0, 1)]}
    )
    told = movers(frame, COIN)
    assert [row["symbol"] for row in rows_of(told)] == [COIN, "AAPL", "B"]
    assert told["windows"] == ["day", "5 min", "1 h"]
    tiles = told["tiles"]
    assert isinstance(tiles, list)
    areas = [width * height for _, _, width, height in tiles]
    assert sum(areas) == pytest.approx(1)
    assert areas[0] / areas[1] == pytest.approx(9)
    assert all(left + width <= 1 + 1e-9 for left, _, width, _ in tiles)
    assert HEAT_MAP_ASPECT > 1


def test_without_traded_value_there_are_no_tiles():
    assert movers(Frame(), "")["tiles"] == []
    assert movers(frame_of({"B": [second(NOW, 0.0)]}), "B")["tiles"] == []


def test_the_spark_is_of_the_last_hours_closes():
    (row,) = rows_of(watch_list(live_frame(), "AAPL", NOW))
    assert row["spark"] == [229.9]
    assert row["since"] == to_microseconds("2025-10-13T13:30:00Z") / 1000
