from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.schema import FEED_EVENT_MESSAGE, REJECTED_MESSAGE, TRADE_MESSAGE
from catalog.trade import RAW_LIMIT_BYTES, FeedEvent, FeedEventKind, Rejection, Trade

micros = st.integers(0, 2**53)
text = st.text(max_size=30)

trades = st.builds(
    Trade,
    symbol=st.from_regex(r"[A-Za-z0-9.:_ -]{1,32}", fullmatch=True),
    event_time=micros,
    price=st.floats(1e-9, 1e9),
    size=st.floats(1e-9, 1e9),
    conditions=st.none() | st.lists(st.integers(0, 99), max_size=4).map(tuple),
    received_at=micros,
    source=text,
)
rejections = st.builds(
    Rejection.of,
    raw=st.binary(max_size=400),
    reason=text,
    received_at=micros,
    element_index=st.none() | st.integers(0, 9),
)
events = st.builds(
    FeedEvent,
    kind=st.sampled_from(FeedEventKind),
    symbol=st.none() | text.filter(bool),
    from_time=micros,
    to_time=micros,
    detail=text,
    source=text,
)


@given(trades | rejections | events)
def test_a_record_survives_its_message(record):
    _, value = record.to_message()
    assert type(record).from_message(value) == record


@given(trades)
def test_a_trade_is_keyed_by_its_symbol(trade):
    assert trade.to_message()[0] == trade.symbol.encode()


@pytest.mark.parametrize(
    ("record", "columns"),
    [(Trade, TRADE_MESSAGE), (Rejection, REJECTED_MESSAGE), (FeedEvent, FEED_EVENT_MESSAGE)],
)
def test_a_record_has_its_messages_columns_in_order(record, columns):
    assert [field.name for field in fields(record)] == [column.name for column in columns]


def test_a_rejection_keeps_the_length_and_sum_of_what_it_cuts():
    rejection = Rejection.of(b"x" * (RAW_LIMIT_BYTES + 5), "too long", 1)
    assert len(rejection.raw) == RAW_LIMIT_BYTES
    assert rejection.raw_length == RAW_LIMIT_BYTES + 5
    assert rejection.raw_sha256 != Rejection.of(rejection.raw, "too long", 1).raw_sha256


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b"nonsense", b'{"symbol": 1}'])
def test_a_message_that_is_no_trade_raises(value):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Trade.from_message(value)
