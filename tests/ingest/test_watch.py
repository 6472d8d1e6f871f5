"""What is told of each symbol: its first trade, its silence, its missing slot."""

from catalog.trade import FeedEventKind
from ingest.finnhub import TOO_MANY_SYMBOLS
from ingest.watch import SETTLE_SECONDS, SymbolWatch

S = 1_000_000
T0 = 1_760_000_000 * S


def watch(*symbols, silent_after=600.0):
    made = SymbolWatch(symbols, "test", silent_after)
    made.connected(T0)
    return made


def test_the_first_trade_after_a_subscribe_is_its_success():
    it = watch("A", "B")
    events = list(it.traded(["A"], T0 + S))
    assert [(e.kind, e.symbol, e.from_time, e.to_time) for e in events] == [
        (FeedEventKind.SUBSCRIBED, "A", T0, T0 + S)
    ]
    assert list(it.traded(["A"], T0 + 2 * S)) == []


def test_a_reconnect_subscribes_anew():
    it = watch("A")
    list(it.traded(["A"], T0 + S))
    it.connected(T0 + 5 * S)
    assert [e.symbol for e in it.traded(["A"], T0 + 6 * S)] == ["A"]


def test_a_symbol_is_silent_once_it_had_no_trade_for_so_long():
    it = watch("A", "B")
    list(it.traded(["A"], T0 + 100 * S))
    assert list(it.tick(T0 + 599 * S)) == []
    assert [(e.kind, e.symbol, e.from_time) for e in it.tick(T0 + 600 * S)] == [
        (FeedEventKind.SILENT, "B", T0)
    ]
    assert [(e.symbol, e.from_time, e.to_time) for e in it.tick(T0 + 700 * S)] == [
        ("A", T0 + 100 * S, T0 + 700 * S)
    ]


def test_a_silence_is_told_once_and_again_after_a_trade():
    it = watch("A")
    assert len(list(it.tick(T0 + 600 * S))) == 1
    assert list(it.tick(T0 + 900 * S)) == []
    list(it.traded(["A"], T0 + 1000 * S))
    assert len(list(it.tick(T0 + 1600 * S))) == 1


def test_before_the_first_connect_nothing_is_silent():
    assert list(SymbolWatch(("A",), "test", 1.0).tick(T0)) == []


def test_an_error_of_the_vendors_is_an_event_of_the_whole_feed():
    (event,) = watch("A").refused("Something else", T0 + S)
    assert (event.kind, event.symbol, event.detail) == (FeedEventKind.ERROR, None, "Something else")


def test_a_very_long_error_is_cut():
    (event,) = watch("A").refused("x" * 100_000, T0)
    assert len(event.detail) == 1000


def test_the_last_asked_for_that_never_traded_are_told_to_have_no_slot():
    it = watch("A", "B", "C", "D")
    list(it.refused(TOO_MANY_SYMBOLS, T0 + S))
    list(it.refused(TOO_MANY_SYMBOLS, T0 + S))
    list(it.traded(["A"], T0 + 2 * S))
    settled = T0 + S + round(SETTLE_SECONDS * S)
    assert list(it.tick(settled - 1)) == []
    events = list(it.tick(settled))
    assert [(e.kind, e.symbol) for e in events] == [
        (FeedEventKind.ERROR, "C"),
        (FeedEventKind.ERROR, "D"),
    ]
    assert "2 of 4" in events[0].detail
    assert list(it.tick(settled + S)) == []


def test_one_that_trades_after_all_is_not_told_to_have_no_slot():
    it = watch("A", "B")
    list(it.refused(TOO_MANY_SYMBOLS, T0))
    list(it.traded(["B"], T0 + S))
    assert list(it.tick(T0 + 60 * S)) == []
