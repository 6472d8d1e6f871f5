import threading

import pyarrow as pa
import pytest

from catalog.errors import QueryError
from catalog.moments import LIVE, Moment
from serving.console.wire import Outcome
from serving.questions import ask, check_stands_at

PAST = Moment(snapshot_id=7)
ANSWER = Outcome(pa.table({"n": [1, 2]}), "", 0.1)


def test_a_question_is_answered_in_the_background():
    go_on = threading.Event()

    def run(sql, moment):
        assert (sql, moment) == ("SELECT 1", PAST)
        assert go_on.wait(10)
        return ANSWER

    asked = ask("SELECT 1", PAST, run)
    assert asked.is_running
    assert asked.to_earlier().ending == "given up"
    go_on.set()
    assert asked.future.result(10) is ANSWER
    assert not asked.is_running
    assert asked.to_earlier().ending == "2 rows"


def test_what_went_wrong_is_told_where_the_answer_is_taken():
    def run(sql, moment):
        raise QueryError("no such table <b>x</b>")

    asked = ask("SELECT", LIVE, run)
    with pytest.raises(QueryError, match="no such table"):
        asked.future.result(10)
    assert asked.to_earlier().ending == "no such table <b>x</b>"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM lake.market.trades",
        'SELECT * FROM "lake"."market"."trades" t',
        "select * from LAKE . market . trades, trades",
        "SELECT * FROM lake.market.trades AT (VERSION => 1) JOIN lake.market.rejected ON true",
    ],
)
def test_the_past_is_not_asked_for_the_newest_by_a_whole_name(sql):
    with pytest.raises(QueryError, match="plainly"):
        check_stands_at(sql, PAST)
    check_stands_at(sql, LIVE)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM trades",
        "SELECT * FROM lake.market.trades AT (VERSION => 1)",
        'SELECT * FROM lake.market."trades" at (version => 1)',
        "SELECT flake.market.trades FROM trades AS flake",
    ],
)
def test_plain_names_and_versions_stand_where_they_say(sql):
    check_stands_at(sql, PAST)
