import pytest

from streaming.keeper import Board
from streaming.pressure import PATIENCE_SECONDS
from streaming.settings import StreamingSettings
from streaming.trades import Throttle


class Query:
    """Takes note of the triggers that it is given."""

    def __init__(self):
        self.triggers = []

    def change_trigger(self, seconds, read_written):
        self.triggers.append(seconds)


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def query():
    return Query()


@pytest.fixture
def board():
    return Board("test", "now")


@pytest.fixture
def throttle(query, board, now):
    settings = StreamingSettings.read(most_small_files=100, trigger_seconds=2)
    return Throttle(query, settings, board, lambda: None, lambda: now[0])


def test_nothing_happens_before_the_tables_were_looked_at(throttle, query, now):
    now[0] += PATIENCE_SECONDS
    throttle.look()
    assert query.triggers == []


def test_the_trigger_is_stretched_and_comes_back_and_the_board_says_why(
    throttle, query, board, now
):
    board.update_table("trades", files=500, settled_files=100, snapshots=10, tags=0)
    throttle.look()
    assert query.triggers == []
    now[0] += PATIENCE_SECONDS
    throttle.look()
    throttle.look()
    assert query.triggers == [4]
    assert board.to_json()["query"]["stretched"] == "2 s: 400 small files wait for care (100)"

    board.update_table("trades", settled_files=490)
    now[0] += PATIENCE_SECONDS
    throttle.look()
    throttle.look()
    assert query.triggers == [4, 2]
    assert board.to_json()["query"]["stretched"] is None
