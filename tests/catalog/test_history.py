from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import MomentError
from catalog.history import History, Kind, Snapshot, show_time

START = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def chain(*seconds):
    """Snapshots 1, 2, ... committed one on top of the other."""
    return tuple(
        Snapshot(n, n - 1 or None, START + timedelta(seconds=s), "append", {})
        for n, s in enumerate(seconds, start=1)
    )


def history(*seconds, **tags):
    return History("trades", chain(*seconds), tags)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("append", Kind.APPEND),
        ("replace", Kind.COMPACTION),
        ("overwrite", Kind.CORRECTION),
        ("delete", Kind.CORRECTION),
        ("unknown", Kind.CORRECTION),
    ],
)
def test_the_kind_of_a_commit_follows_from_its_operation(operation, kind):
    assert Snapshot(1, None, START, operation, {}).kind is kind


def test_a_count_that_the_summary_does_not_tell_is_none():
    snapshot = Snapshot(1, None, START, "append", {"added-records": "7"})
    assert snapshot.count("added-records") == 7
    assert snapshot.count("deleted-records") == 0


def test_a_table_without_a_snapshot_says_so():
    with pytest.raises(MomentError, match="no snapshot yet"):
        _ = History("trades", (), {}).tip


def test_tags_are_found_by_their_snapshot():
    assert history(0, 1, b=2, a=2, c=1).tags_of(2) == ["a", "b"]
    assert history(0, 1).tags_of(2) == []


def test_a_snapshot_is_shown_with_its_time_and_names():
    found = history(0.25, eod=1)
    assert found.show(found.tip) == "1 (2026-11-20T14:30:00.250Z, tag eod)"


def test_times_are_shown_in_utc():
    east = START.astimezone(datetime.strptime("+0530", "%z").tzinfo)
    assert show_time(east) == "2026-11-20T14:30:00.000Z"


def test_a_gap_is_told_by_the_parent_that_is_gone():
    first, _, third = chain(0, 10, 20)
    holed = History("trades", (first, third), {})
    assert holed.at(START + timedelta(seconds=15)) is None
    assert holed.at(START + timedelta(seconds=20)) is third
    assert holed.child_of(2) is third


def test_a_commit_by_a_clock_that_is_late_hides_no_earlier_one():
    late = history(10, 5, 20)
    assert late.at(START + timedelta(seconds=7)) is None
    assert late.at(START + timedelta(seconds=10)).snapshot_id == 2


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=12),
    st.integers(-1, 60),
    st.integers(0, 60),
)
def test_what_was_the_tip_moves_forward_only(seconds, first, later):
    kept = history(*seconds)
    tips = [kept.at(START + timedelta(seconds=s)) for s in sorted((first, later))]
    places = [0 if tip is None else tip.snapshot_id for tip in tips]
    assert places == sorted(places)
    assert all(tip is None or tip.committed_at <= START + timedelta(seconds=60) for tip in tips)
