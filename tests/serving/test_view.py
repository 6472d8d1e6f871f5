from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.moments import LIVE, Moment
from serving.bars import Interval
from serving.view import RATES, PageName, View, parse_view

T = 1_764_254_096_250_000  # 2025-11-27T14:34:56.250Z
microseconds = st.integers(0, 4_102_444_800_000_000)
moments = (
    st.just(LIVE)
    | st.integers(1, 2**63 - 1).map(lambda number: Moment(snapshot_id=number))
    | st.datetimes(datetime(1990, 1, 1), timezones=st.just(UTC)).map(lambda t: Moment(time=t))
    | st.sampled_from(["split", "a.b_c-d", "keep-1"]).map(lambda name: Moment(tag=name))
)
views = st.builds(
    View,
    page=st.sampled_from(PageName),
    symbol=st.from_regex(r"[A-Za-z0-9.:_ -]{1,32}", fullmatch=True) | st.just(""),
    interval=st.sampled_from(Interval),
    moment=moments,
    range=st.none() | st.tuples(microseconds, microseconds).map(sorted).map(tuple),
    bar=st.none() | microseconds,
    paused=st.booleans(),
    rate=st.none() | st.sampled_from(RATES),
).filter(lambda view: view.range is None or view.range[0] < view.range[1])


@given(views)
def test_a_link_reproduces_its_view(view):
    assert parse_view(view.page, view.to_query()) == (view, ())


@given(st.dictionaries(st.sampled_from([*View().to_query(), "as_of", "range", "x"]), st.text()))
def test_whatever_a_link_holds_there_is_a_view(query):
    view, notices = parse_view(PageName.SQL, query)
    assert parse_view(PageName.SQL, view.to_query()) == (view, ())
    assert all("cannot be" in notice for notice in notices)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("symbol", "<script>alert(1)</script>"),
        ("symbol", "A" * 33),
        ("symbol", "A\0B"),
        ("interval", "9m"),
        ("as_of", "<img src=x onerror=alert(1)>"),
        ("as_of", "2026-13-45T99:00"),
        ("as_of", str(2**63)),
        ("as_of", "main"),
        ("range", "2026-11-20T14:30:00Z"),
        ("range", "2026-11-20T14:30:00Z/2026-11-20T14:30:00Z"),
        ("range", "a/b/c"),
        ("bar", "yesterday"),
        ("paused", "yes"),
        ("rate", "0.001"),
    ],
)
def test_a_value_that_cannot_be_is_left_out_and_told(name, text):
    view, (notice,) = parse_view(PageName.MARKET, {name: text, "interval": "5m"} | {name: text})
    expected = View(interval=Interval.M1 if name == "interval" else Interval.M5)
    assert view == expected
    assert name in notice


def test_a_long_value_is_told_by_its_beginning():
    _, (notice,) = parse_view(PageName.MARKET, {"symbol": "<" * 10_000})
    assert len(notice) < 200


def test_a_link_is_readable():
    view = View(
        symbol="BINANCE:BTCUSDT",
        interval=Interval.M5,
        moment=Moment(time=datetime(2026, 11, 20, 14, 30, tzinfo=UTC)),
        range=(T, T + 60_000_000),
    )
    assert view.to_query() == {
        "symbol": "BINANCE:BTCUSDT",
        "interval": "5m",
        "as_of": "2026-11-20T14:30:00Z",
        "range": "2025-11-27T14:34:56.250000Z/2025-11-27T14:35:56.250000Z",
    }


def test_only_the_first_page_is_at_the_root():
    assert [name.path for name in PageName] == ["/", "/travel", "/sql", "/pipeline", "/alerts"]
