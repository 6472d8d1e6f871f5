from datetime import UTC, datetime, timedelta

from catalog.history import History, Snapshot
from serving import timeline
from serving.charts import unpack

T = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
# Beyond what a JavaScript number holds.
BIG = 9_007_199_254_740_993


def snapshot(place: int, parent: int | None, operation: str = "append", added: int = 5) -> Snapshot:
    summary = {
        "added-records": str(added),
        "total-records": str(10 * place),
        "total-data-files": "3",
    }
    return Snapshot(BIG + place, parent, T + timedelta(seconds=place), operation, summary)


def history(*snapshots: Snapshot, **tags: int) -> History:
    return History("trades", snapshots, tags)


WITH_HOLES = history(
    snapshot(1, BIG),
    snapshot(2, BIG + 1),
    snapshot(5, BIG + 4, "replace"),
    snapshot(6, BIG + 5, "delete"),
    split=BIG + 2,
)


def test_what_is_gone_right_before_a_snapshot_is_a_hole():
    assert timeline.holes(WITH_HOLES) == [True, False, True, False]
    assert timeline.holes(history(snapshot(1, None), snapshot(2, BIG + 1))) == [False, False]


def test_the_strip_tells_each_snapshot_and_marks_the_chosen_one():
    header, columns = unpack(timeline.strip(WITH_HOLES, BIG + 2))
    assert header["ids"] == [str(BIG + place) for place in (1, 2, 5, 6)]
    assert header["tags"] == ["", "split", "", ""]
    assert header["chosen"] == 1
    kinds = [header["kinds"][int(kind)] for kind in columns["kind"]]
    assert kinds == ["append", "append", "compaction, no data change", "correction by hand"]
    assert list(columns["hole"]) == [1, 0, 1, 0]
    assert columns["time"][0] == (T + timedelta(seconds=1)).timestamp() * 1000


def test_of_a_long_history_the_newest_are_shown(monkeypatch):
    monkeypatch.setattr(timeline, "_MOST_SHOWN", 2)
    header, columns = unpack(timeline.strip(WITH_HOLES, BIG + 1))
    assert header["ids"] == [str(BIG + 5), str(BIG + 6)]
    assert list(columns["hole"]) == [1, 0]
    assert header["chosen"] == -1


def test_a_table_without_snapshots_has_an_empty_strip():
    header, columns = unpack(timeline.strip(history(), 0))
    assert header["rows"] == 0
    assert header["chosen"] == -1
    assert all(len(values) == 0 for values in columns.values())


def test_the_list_has_the_newest_first_and_says_what_expired():
    rows = timeline.moments_table(WITH_HOLES).to_pylist()
    assert [row["snapshot_id"] - BIG for row in rows] == [6, 5, 2, 1]
    gone = [row["right before it"] for row in rows]
    assert gone == ["", "expired: thinned out by age", "", "expired: thinned out by age"]


def test_the_facts_of_a_snapshot():
    facts = timeline.facts(WITH_HOLES, WITH_HOLES.snapshots[1])
    assert facts["Committed"] == "2026-11-20T14:30:02.000Z"
    assert (facts["Kind"], facts["Rows added"], facts["Tags"]) == ("append", "5", "split")
    assert timeline.facts(WITH_HOLES, WITH_HOLES.snapshots[0])["Tags"] == "none"
