"""Finnhub's protocol: what is accepted, what is rejected and why, and that nothing ever raises."""

import hashlib
import json
import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.trade import Rejection, Trade
from ingest.elements import PriceUpdate
from ingest.finnhub import (
    MAX_FRAME_BYTES,
    ParsedFrame,
    Subscription,
    WireTrade,
    error_frame,
    parse_frame,
    ping_frame,
    trade_frame,
)
from tests.ingest.corpus import MALFORMED

# Other processes share the machine: how long one example takes tells nothing.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

NOW = 1_760_000_100_000_000
APPLE = WireTrade("AAPL", 231.5, 1_760_000_000_123, 100.0, ("1", "24"))


def parse(raw: bytes | str) -> ParsedFrame:
    return parse_frame(raw, NOW, "test")


def element(**changes: object) -> str:
    fields = {"c": None, "p": 231.5, "s": "AAPL", "t": 1_760_000_000_000, "v": 1, **changes}
    return json.dumps({"type": "trade", "data": [fields]})


def test_a_trade_comes_out_with_its_times_in_microseconds():
    assert parse(trade_frame([APPLE])).trades == [
        Trade("AAPL", 1_760_000_000_123_000, 231.5, 100.0, (1, 24), NOW, "test")
    ]


def test_several_symbols_may_share_a_frame_and_keep_their_order():
    other = WireTrade("BINANCE:BTCUSDT", 96_000.25, 1_760_000_000_100, 0.000263, None)
    symbols = [trade.symbol for trade in parse(trade_frame([APPLE, other, APPLE])).trades]
    assert symbols == ["AAPL", "BINANCE:BTCUSDT", "AAPL"]


def test_identical_trades_are_all_kept():
    assert len(parse(trade_frame([APPLE, APPLE, APPLE])).trades) == 3


def test_a_zero_size_entry_is_a_price_update():
    parsed = parse(element(v=0))
    assert parsed.price_updates == [PriceUpdate("AAPL", 1_760_000_000_000_000, 231.5)]
    assert not parsed.trades
    assert not parsed.rejections


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (None, None),
        ([], ()),
        (["1", "24", "12"], (1, 24, 12)),
        ([1, 24], (1, 24)),
        (["2147483647", "-1"], (2147483647, -1)),
        (["999"], (999,)),
    ],
)
def test_conditions_may_be_strings_numbers_none_or_empty(wire, expected):
    assert parse(element(c=wire)).trades[0].conditions == expected


def test_conditions_may_be_absent():
    raw = '{"type":"trade","data":[{"p":231.5,"s":"AAPL","t":1760000000000,"v":1}]}'
    assert parse(raw).trades[0].conditions is None


def test_a_price_and_a_size_written_as_integers_become_doubles():
    trade = parse(element(p=231, v=100)).trades[0]
    assert (type(trade.price), type(trade.size)) == (float, float)


def test_a_whole_number_of_milliseconds_may_be_written_as_a_float():
    assert parse(element(t=1_760_000_000_000.0)).trades[0].event_time == 1_760_000_000_000_000


def test_an_old_time_is_accepted_because_recordings_are_played():
    assert parse(element(t=1_381_132_800_464)).trades


@pytest.mark.parametrize("symbol", ["AAPL", "BRK.B", "BINANCE:BTCUSDT", "IC MARKETS:1", "A" * 32])
def test_every_kind_of_symbol_is_accepted(symbol):
    assert parse(element(s=symbol)).trades[0].symbol == symbol


def test_unknown_keys_are_ignored():
    assert parse(element(x="new", y=[1])).trades


def test_a_ping_is_a_ping():
    assert parse(ping_frame()) == ParsedFrame(ping=True)


def test_an_error_carries_its_text():
    assert parse(error_frame("Subscribing to too many symbols")).error == (
        "Subscribing to too many symbols"
    )


def test_an_empty_frame_of_trades_holds_nothing():
    assert parse('{"type":"trade","data":[]}') == ParsedFrame()


def test_text_and_bytes_read_the_same():
    text = trade_frame([APPLE])
    assert parse(text) == parse(text.encode())


def test_the_corpus_is_as_large_as_promised():
    assert len(MALFORMED) >= 60
    assert len({case.name for case in MALFORMED}) == len(MALFORMED)


@pytest.mark.parametrize("case", MALFORMED, ids=[case.name for case in MALFORMED])
def test_a_malformed_frame_ends_in_rejections_with_their_reason(case):
    parsed = parse(case.raw)
    assert len(parsed.trades) == case.trades
    assert len(parsed.price_updates) == case.price_updates
    assert len(parsed.rejections) == case.rejections
    assert all(case.reason in rejection.reason for rejection in parsed.rejections)
    assert_conserved(parsed)


@pytest.mark.parametrize("case", MALFORMED, ids=[case.name for case in MALFORMED])
def test_a_malformed_frame_can_be_sent_and_read_back(case):
    for rejection in parse(case.raw).rejections:
        _, value = rejection.to_message()
        assert len(value) < 1_000_000
        assert Rejection.from_message(value) == rejection


def test_a_frame_refused_as_a_whole_keeps_its_bytes_length_and_sum():
    raw = bytes(range(256))
    rejection = parse(raw).rejections[0]
    assert rejection.raw == raw
    assert rejection.raw_length == 256
    assert rejection.raw_sha256 == hashlib.sha256(raw).hexdigest()
    assert rejection.element_index is None
    assert rejection.received_at == NOW


def test_a_refused_element_keeps_its_place_and_its_own_json():
    raw = '{"type":"trade","data":[{"p":1,"s":"A","t":1760000000000,"v":1},{"p":true,"s":"B"}]}'
    rejection = parse(raw).rejections[0]
    assert rejection.element_index == 1
    assert orjson.loads(rejection.raw) == {"p": True, "s": "B"}


def test_an_element_too_deep_to_be_written_again_stands_as_its_frame():
    raw = '{"type":"trade","data":[' + "[" * 700 + "]" * 700 + "]}"
    rejection = parse(raw).rejections[0]
    assert (rejection.element_index, rejection.raw) == (0, raw.encode())


def test_a_frame_at_the_bound_is_read():
    frame = '{"type":"ping","pad":"' + "x" * (MAX_FRAME_BYTES - 24) + '"}'
    assert len(frame) == MAX_FRAME_BYTES
    assert parse(frame).ping


def test_a_text_with_lone_surrogates_is_rejected_not_raised():
    assert parse("\ud800").rejections[0].raw == b"\xed\xa0\x80"


@given(st.binary(max_size=4096))
def test_any_bytes_end_as_values(raw):
    assert_conserved(parse(raw))


@given(st.text(max_size=2048))
def test_any_text_ends_as_values(text):
    assert_conserved(parse(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(JSON)
def test_any_json_ends_as_values(value):
    assert_conserved(parse(json.dumps(value)))


ODD = JSON | st.just("AAPL") | st.integers(1_700_000_000_000, 1_760_000_000_000)
ELEMENTS = st.lists(
    JSON
    | st.fixed_dictionaries(
        {
            "s": st.sampled_from(["AAPL", "BINANCE:BTCUSDT"]) | ODD,
            "p": st.floats(0.01, 1e5) | ODD,
            "t": st.integers(1_700_000_000_000, 1_760_000_000_000) | ODD,
            "v": st.just(0) | st.floats(0, 1e6) | ODD,
        },
        optional={"c": st.lists(st.sampled_from(["1", "12", "24"])) | ODD},
    ),
    max_size=8,
)


@given(ELEMENTS)
def test_trades_price_updates_and_rejections_add_up_to_the_elements(data):
    parsed = parse(json.dumps({"type": "trade", "data": data}))
    judged = len(parsed.trades) + len(parsed.price_updates) + len(parsed.rejections)
    infinite = "Infinity" in json.dumps(data)
    assert judged == (1 if infinite else len(data))
    assert all(is_sane(trade) for trade in parsed.trades)


@given(ELEMENTS)
def test_each_element_is_judged_alone(data):
    whole = parse(json.dumps({"type": "trade", "data": data}))
    if any(rejection.element_index is None for rejection in whole.rejections):
        return
    alone = [parse(json.dumps({"type": "trade", "data": [each]})) for each in data]
    assert whole.trades == [trade for parsed in alone for trade in parsed.trades]
    assert len(whole.rejections) == sum(len(parsed.rejections) for parsed in alone)


@given(
    st.builds(
        WireTrade,
        st.sampled_from(["AAPL", "BINANCE:BTCUSDT"]),
        st.floats(0.01, 1e6),
        st.integers(631_152_000_000, 1_760_000_000_000),
        st.floats(1e-6, 1e9),
        st.none() | st.lists(st.integers(0, 99).map(str), max_size=4).map(tuple),
    )
)
def test_what_the_simulator_writes_the_client_reads(wire):
    trade = parse(trade_frame([wire])).trades[0]
    assert (trade.symbol, trade.price, trade.size) == (wire.symbol, wire.price, wire.size)
    assert trade.event_time == wire.time_ms * 1000
    codes = None if wire.conditions is None else tuple(map(int, wire.conditions))
    assert trade.conditions == codes
    assert Trade.from_message(trade.to_message()[1]) == trade


@given(st.text(max_size=40), st.booleans())
def test_a_subscription_reads_back_as_it_was_written(symbol, wanted):
    subscription = Subscription(symbol, wanted)
    assert Subscription.parse(subscription.to_text()) == subscription


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_message_to_the_venue_is_a_subscription_or_none(message):
    assert isinstance(Subscription.parse(message), Subscription | None)


def assert_conserved(parsed: ParsedFrame) -> None:
    judged = len(parsed.trades) + len(parsed.price_updates) + len(parsed.rejections)
    assert judged == parsed.elements
    assert all(rejection.reason for rejection in parsed.rejections)


def is_sane(trade: Trade) -> bool:
    return trade.price > 0 and trade.size > 0 and math.isfinite(trade.price * trade.size)
