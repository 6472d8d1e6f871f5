import pytest

from catalog.errors import QueryError
from serving.asking import (
    AnyRequest,
    BarsRequest,
    DiffRequest,
    HistoryRequest,
    Request,
    parse_request,
    to_json,
)


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        Request("SELECT ?", "eod-2026-01-02", ("AAPL", 5)),
        Request(last=3, offsets=True),
        BarsRequest("AAPL", "5m", "live", "2026-01-02", "2026-01-03T00:00:00Z"),
        DiffRequest("1", "live", "bars", "1h", "AAPL"),
        HistoryRequest("BINANCE:BTCUSDT", "2026-01-02T14:30", "1d"),
    ],
)
def test_a_question_survives_the_pipe(request_: AnyRequest) -> None:
    assert parse_request(to_json(request_)) == request_


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"ask": "nonsense"}',
        b'{"ask": "sql", "statement": "SELECT 1"}',
        b'{"ask": "history", "symbol": "AAPL"}',
    ],
)
def test_what_is_no_question_says_what_one_is(text: bytes) -> None:
    with pytest.raises(QueryError, match="must be a JSON object with ask"):
        parse_request(text)


def test_a_question_that_no_lake_can_answer_is_refused_when_it_is_made() -> None:
    with pytest.raises(QueryError, match="There are 1s, 5s"):
        BarsRequest("AAPL", "7m")
    with pytest.raises(QueryError, match="counts, bars, trades"):
        DiffRequest("1", "2", "everything")
    with pytest.raises(QueryError, match="not a time"):
        HistoryRequest("AAPL", "noon")


def test_a_question_that_is_no_text_cannot_be_sent() -> None:
    with pytest.raises(QueryError, match="cannot be sent"):
        to_json(Request("SELECT '\udc80'"))
