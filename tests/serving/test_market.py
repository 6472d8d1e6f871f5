from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.bars import SECOND, Bar, Interval
from serving.frames import KEPT, TAPE_ROWS, Frame
from serving.market import HistoryRequest, Level, Market

_DAY = Interval.D1.microseconds
_NOON = 1_700_000_000 * SECOND // _DAY * _DAY + _DAY // 2


def second(start: int, price: float, offset: int) -> Bar:
    key = (start, 0, offset)
    size = Decimal(1)
    return Bar(start, price, key, price, key, price, price, size, size * int(price), 1)


def load_all(market: Market, seconds: list[Bar]) -> list[HistoryRequest]:
    answered = []
    while market.wanted:
        request = market.wanted[0]
        answered.append(request)
        bars = [b for b in seconds if request.start <= b.start < request.end]
        one = Market({})
        one.add_trades({request.symbol: bars})
        kept = one.kept_bars().get(request.symbol, {}).get(request.interval, ())
        market.add_history(request, kept)
    return answered


@settings(deadline=None)
@given(st.lists(st.integers(0, 7200), min_size=1, max_size=60), st.integers(0, 60))
def test_history_and_live_trades_make_the_same_bars_wherever_the_split_is(
    offsets: list[int], split: int
) -> None:
    seconds = [
        second(_NOON + offset * SECOND, 100.0 + i % 7, i) for i, offset in enumerate(offsets)
    ]
    old, new = seconds[:split], seconds[split:]
    times = [bar.start for bar in old]
    market = Market({"X": (min(times), max(times))} if times else {})
    load_all(market, _merged(old))
    for bar in new:
        market.add_trades({"X": [bar]})
    whole = Market({})
    whole.add_trades({"X": _merged(seconds)})
    mine, theirs = market.kept_bars()["X"], whole.kept_bars()["X"]
    # History of 1 s bars goes an hour back; what is older is not held.
    since = market.kept_bars()["X"][Interval.S1][0].start
    assert mine[Interval.S1] == tuple(b for b in theirs[Interval.S1] if b.start >= since)
    assert mine[Interval.M1] == theirs[Interval.M1]
    assert mine[Interval.H1] == theirs[Interval.H1]


def _merged(bars: list[Bar]) -> list[Bar]:
    level = Level(Interval.S1, None)
    level.add(bars)
    return list(level.bars())


def test_a_late_trade_revises_its_bar_and_leaves_the_last_price_alone() -> None:
    market = Market({})
    market.add_trades({"X": [second(_NOON, 100.0, 0), second(_NOON + 70 * SECOND, 101.0, 1)]})
    market.add_trades({"X": [second(_NOON + SECOND, 120.0, 2)]})
    first, _ = market.kept_bars()["X"][Interval.M1]
    assert (first.open, first.close, first.high, first.volume) == (100.0, 120.0, 120.0, Decimal(2))
    assert market.quotes()["X"].last == 101.0


def test_a_trade_older_than_what_is_loaded_makes_no_bar_of_its_own() -> None:
    level = Level(Interval.M1, since=_NOON)
    level.add([second(_NOON - 60 * SECOND, 1.0, 0)])
    assert level.bars() == ()


def test_a_level_lets_the_oldest_bars_go_and_does_not_take_them_back() -> None:
    capacity = KEPT[Interval.S1].capacity
    level = Level(Interval.S1, None)
    level.add(second(_NOON + i * SECOND, 1.0, i) for i in range(capacity + 10))
    assert len(level.bars()) == capacity
    assert level.since == _NOON + 10 * SECOND
    level.add([second(_NOON, 1.0, 0)])
    assert level.bars()[0].start == _NOON + 10 * SECOND


def test_the_newest_piece_of_every_symbol_is_wanted_first() -> None:
    bounds = {"A": (_NOON - 3 * _DAY, _NOON), "B": (_NOON - 3 * _DAY, _NOON - _DAY)}
    wanted = Market(bounds).wanted
    assert {(r.symbol, r.interval) for r in wanted[:6]} == {
        (symbol, kept) for symbol in bounds for kept in KEPT
    }


def test_the_change_is_against_the_first_price_of_the_day() -> None:
    market = Market({})
    yesterday, today = _NOON - _DAY, _NOON
    market.add_trades({"X": [second(yesterday, 50.0, 0), second(today, 100.0, 1)]})
    market.add_trades({"X": [second(today + SECOND, 110.0, 2)]})
    quote = market.quotes()["X"]
    assert quote.change == 110.0 / 100.0 - 1
    assert quote.day is not None
    assert quote.day.trade_count == 2


def test_the_day_of_a_stock_is_its_session_from_the_minutes_of_its_first_hour() -> None:
    market = Market({})
    opened = 1_760_362_200 * SECOND  # 2025-10-13 13:30 UTC
    before, inside, later = opened - 60 * SECOND, opened + 60 * SECOND, opened + 7200 * SECOND
    market.add_trades({"AAPL": [second(before, 50.0, 0), second(inside, 100.0, 1)]})
    market.add_trades({"AAPL": [second(later, 120.0, 2)]})
    day = market.quotes()["AAPL"].day
    assert day is not None
    assert (day.start, day.open, day.close, day.trade_count) == (opened, 100.0, 120.0, 2)


def test_the_day_is_not_told_before_its_history_is_loaded() -> None:
    market = Market({"X": (_NOON - _DAY // 2, _NOON)})
    market.add_trades({"X": [second(_NOON + SECOND, 100.0, 1)]})
    assert market.quotes()["X"].day is None


def test_the_tape_is_newest_first_and_tells_direction_by_the_last_change_of_price() -> None:
    market = Market({})
    market.add_tape(("X", _NOON + i, price, 1.0, None) for i, price in enumerate((10, 11, 11, 9)))
    assert [row.direction for row in market.tape()] == [-1, 1, 1, 0]
    assert [row.serial for row in market.tape()] == [4, 3, 2, 1]


def test_the_tape_keeps_the_last_trades_and_counts_all() -> None:
    market = Market({})
    market.skip_tape(1000)
    market.add_tape(("X", _NOON + i, 1.0, 1.0, None) for i in range(TAPE_ROWS + 5))
    assert len(market.tape()) == TAPE_ROWS
    assert market.tape()[0].serial == 1000 + TAPE_ROWS + 5


def test_a_frame_answers_any_interval_and_none_for_an_unknown_symbol() -> None:
    market = Market({})
    market.add_trades({"X": [second(_NOON + i * SECOND, 10.0 + i, i) for i in range(600)]})
    frame = Frame(kept_bars=market.kept_bars(), quotes=market.quotes())
    assert [len(frame.bars("X", interval)) for interval in Interval] == [600, 120, 10, 2, 1, 1, 1]
    assert frame.bars("NONE", Interval.M1) == ()
