from datetime import UTC, datetime

import pytest

from streaming.keeper import Board
from streaming.progress import ProgressListener


@pytest.fixture
def board():
    return Board("1", "now")


@pytest.fixture
def listener(board):
    return ProgressListener(
        board, "ticks", now=lambda: 0.0, clock=lambda: datetime(2026, 1, 2, tzinfo=UTC)
    )


def progress(name, end, latest, rows=3):
    return {
        "id": "query",
        "name": name,
        "batchId": 5,
        "numInputRows": rows,
        "processedRowsPerSecond": 12.34,
        "inputRowsPerSecond": 1.54,
        "durationMs": {"triggerExecution": 250},
        "sources": [{"endOffset": end, "latestOffset": latest}],
    }


def test_a_micro_batch_of_trades_moves_what_is_stored(listener, board):
    listener.note(progress("trades", {"ticks": {"0": 7}}, {"ticks": {"0": 9}}))
    status = board.to_json()
    assert status["offsets"] == {"ticks": {"0": {"stored": 7, "latest": 9}}}
    assert status["query"]["epoch"] == 5
    assert status["query"]["batch_ms"] == 250
    assert status["query"]["rows_per_second"] == 12.3
    assert status["query"]["input_rows_per_second"] == 1.5
    assert status["query"]["reported_at"] == "2026-01-02T00:00:00+00:00"
    assert not status["query"]["waiting"]


def test_an_empty_trigger_keeps_the_last_micro_batch_s_duration(listener, board):
    listener.note(progress("trades", {"ticks": {"0": 7}}, {"ticks": {"0": 9}}))
    empty = progress("trades", {"ticks": {"0": 9}}, {"ticks": {"0": 9}}, rows=0)
    listener.note(empty | {"durationMs": {"triggerExecution": 2}})
    assert board.to_json()["query"]["batch_ms"] == 250
    assert board.to_json()["query"]["waiting"]


def test_the_slower_query_s_reading_of_trades_is_told_apart(listener, board):
    end = {"ticks": {"0": 4}, "ticks.rejected": {"0": 2}}
    listener.note(progress("others", end, end))
    offsets = board.to_json()["offsets"]
    assert offsets["ticks"]["0"] == {"checked": 4, "latest": 4}
    assert offsets["ticks.rejected"]["0"] == {"stored": 2, "latest": 2}
    assert board.to_json()["query"]["epoch"] is None


def test_only_the_query_of_trades_tells_that_trades_wait_for_nothing(listener, board):
    listener.note(progress("trades", {"ticks": {"0": 7}}, {"ticks": {"0": 9}}))
    listener.note_idle("another")
    assert not board.to_json()["query"]["waiting"]
    listener.note_idle("query")
    told = board.to_json()["query"]
    assert (told["waiting"], told["input_rows_per_second"]) == (True, 0.0)


def test_a_report_without_offsets_changes_none(listener, board):
    listener.note(progress("trades", None, None))
    assert board.to_json()["offsets"] == {}


def test_it_is_heard_of_after_a_micro_batch_and_when_there_is_nothing_to_do(board):
    busy, idle = (ProgressListener(board, "ticks") for _ in range(2))
    assert not busy.heard.is_set()
    busy.note(progress("trades", {"ticks": {"0": 7}}, {"ticks": {"0": 9}}))
    idle.note_idle("any")
    assert busy.heard.is_set()
    assert idle.heard.is_set()
