from datetime import UTC, datetime, timedelta

import pytest

from catalog.errors import MomentError
from catalog.moments import LIVE, History, Moment, Snapshot, parse_moment, resolve

START = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
NOW = START + timedelta(hours=1)


def at(seconds):
    return START + timedelta(seconds=seconds)


def snapshot(number, seconds, parent=None):
    return Snapshot(number, parent, at(seconds), "append", {})


def histories(*trades, tags=None):
    others = (snapshot(1, -5), snapshot(2, 15, 1))
    return [
        History("trades", trades, tags or {}),
        History("rejected", others, {}),
        History("feed_events", others, {}),
    ]


CHAIN = (snapshot(10, 0), snapshot(11, 10, 10), snapshot(12, 20, 11))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("eod-2026-11-20", Moment(tag="eod-2026-11-20")),
        ("live", LIVE),
        ("", LIVE),
        ("8123", Moment(snapshot_id=8123)),
        ("2026-11-20T14:30:00Z", Moment(time=START)),
        ("2026-11-20 14:30:00", Moment(time=START)),
        ("2026-11-20T09:30:00-05:00", Moment(time=START)),
        ("before-split", Moment(tag="before-split")),
    ],
)
def test_a_moment_is_parsed(text, moment):
    assert parse_moment(text) == moment


def test_a_malformed_time_is_an_error():
    with pytest.raises(MomentError, match="not a time"):
        parse_moment("2026-11-20T99:00")


def test_live_is_every_tables_tip():
    assert resolve(LIVE, histories(*CHAIN), NOW).snapshot_ids == {
        "trades": 12,
        "rejected": 2,
        "feed_events": 2,
    }


def test_a_time_between_two_commits_takes_the_one_before_it():
    assert resolve(Moment(time=at(9.999)), histories(*CHAIN), NOW).snapshot_ids["trades"] == 10
    assert resolve(Moment(time=at(10)), histories(*CHAIN), NOW).snapshot_ids["trades"] == 11


def test_the_other_tables_never_show_more_than_the_moment():
    assert resolve(Moment(snapshot_id=11), histories(*CHAIN), NOW).snapshot_ids == {
        "trades": 11,
        "rejected": 1,
        "feed_events": 1,
    }


@pytest.mark.parametrize(
    ("moment", "message"),
    [
        (Moment(time=at(-1)), r"before the first commit.*Nearest kept: 10"),
        (Moment(time=NOW + timedelta(seconds=1)), r"in the future.*12"),
        (Moment(snapshot_id=99), r"not among the 3 kept.*10.*12"),
        (Moment(tag="nope"), r"no tag 'nope'.*mine"),
    ],
)
def test_an_impossible_moment_says_so_and_offers_others(moment, message):
    with pytest.raises(MomentError, match=message):
        resolve(moment, histories(*CHAIN, tags={"mine": 11}), NOW)


def test_a_time_in_a_hole_left_by_expiry_is_an_error_not_another_moment():
    holed = (CHAIN[0], CHAIN[2])
    with pytest.raises(MomentError, match=r"has been expired.*10.*12"):
        resolve(Moment(time=at(15)), histories(*holed), NOW)
    assert resolve(Moment(time=at(25)), histories(*holed), NOW).snapshot_ids["trades"] == 12


def test_a_time_before_the_first_commit_is_told_from_one_that_has_been_expired():
    with pytest.raises(MomentError, match="before the first commit"):
        resolve(Moment(time=at(-1)), histories(*CHAIN), NOW)
    with pytest.raises(MomentError, match=r"before the oldest kept.*expired.*11") as raised:
        resolve(Moment(time=at(5)), histories(*CHAIN[1:]), NOW)
    assert raised.value.nearest == (11,)


def test_what_can_be_known_of_an_expired_id_is_said():
    holed = histories(CHAIN[0], CHAIN[2], tags={"kept": 12})
    with pytest.raises(MomentError, match=r"11 has been expired.*right before 12.*tag kept"):
        resolve(Moment(snapshot_id=11), holed, NOW)
    with pytest.raises(MomentError, match=r"expired, or never was.*does not tell its time"):
        resolve(Moment(snapshot_id=99), holed, NOW)


def test_an_id_of_another_table_is_told_from_an_unknown_one():
    with pytest.raises(MomentError, match=r"2 is a snapshot of rejected.*11.*12") as raised:
        resolve(Moment(snapshot_id=2), histories(*CHAIN), NOW)
    assert raised.value.nearest == (11, 12)


def test_a_moment_that_another_table_has_lost_is_no_moment():
    trades, rejected, events = histories(*CHAIN)
    lost = History("rejected", rejected.snapshots[1:], {})
    with pytest.raises(MomentError, match=r"11.*of trades is kept, but what rejected.*12"):
        resolve(Moment(snapshot_id=11), [trades, lost, events], NOW)


def test_what_a_tag_of_now_holds_of_another_table_is_not_passed_for_an_earlier_moment():
    trades, rejected, events = histories(*CHAIN, tags={"now": 11})
    later = History("rejected", rejected.snapshots[1:], {"now": 2})
    answer = resolve(Moment(tag="now"), [trades, later, events], NOW)
    assert answer.snapshot_ids["rejected"] == 2
    with pytest.raises(MomentError, match=r"what rejected held then.*11 .*tag now"):
        resolve(Moment(snapshot_id=11), [trades, later, events], NOW)


def test_of_many_tags_an_error_shows_those_of_a_similar_name():
    tags = {f"eod-2026-11-{day:02}": 11 for day in range(1, 29)}
    with pytest.raises(MomentError, match=r"eod-2026-11-2\d") as raised:
        resolve(Moment(tag="eod-2026-11-30"), histories(*CHAIN, tags=tags), NOW)
    assert len(str(raised.value)) < 400


def test_without_a_tag_none_is_offered():
    with pytest.raises(MomentError, match="There are none"):
        resolve(Moment(tag="nope"), histories(*CHAIN), NOW)


def test_the_newest_commit_is_not_in_the_future_however_the_clocks_differ():
    resolved = resolve(Moment(time=at(20)), histories(*CHAIN), at(19))
    assert resolved.snapshot_ids["trades"] == 12


def test_a_tag_names_its_snapshot():
    resolved = resolve(Moment(tag="mine"), histories(*CHAIN, tags={"mine": 11}), NOW)
    assert resolved.snapshot_ids["trades"] == 11
    assert resolved.committed_at == at(10)
