import bisect
from dataclasses import replace
from itertools import pairwise, zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.retention import (
    DEFAULT_LADDER,
    Kept,
    Rung,
    capacity,
    expired,
    expired_beside,
    parse_rungs,
)

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# Small, so that every rung is reached by few snapshots.
SMALL = parse_rungs("1m:all,10m:1m,1h:5m,3h:1h")
LADDERS = st.sampled_from([SMALL, parse_rungs(DEFAULT_LADDER), parse_rungs("90s:all,5m:30s")])
START = 1_790_000_000_000


@st.composite
def histories(draw):
    """Commits of up to some hours, with bursts and pauses, in order."""
    gaps = draw(
        st.lists(st.sampled_from([1, 500, 2000, 20_000, 7 * MINUTE, 3 * HOUR]), max_size=60)
    )
    commits, now = [], START + draw(st.integers(0, DAY))
    for number, gap in enumerate(gaps):
        now += gap
        commits.append(Kept(1000 + number, now))
    return commits


def left(history, *arguments):
    gone = set(expired(history, *arguments))
    return [one for one in history if one.snapshot_id not in gone]


def end_of(history):
    return history[-1].committed_ms if history else START


@given(histories(), LADDERS, st.integers(0, DAY))
def test_asking_twice_expires_nothing_more(history, rungs, later):
    now = end_of(history) + later
    once = left(history, (), None, now, rungs)
    assert left(once, (), None, now, rungs) == once


@given(histories(), LADDERS, st.integers(0, DAY), st.integers(0, DAY), st.data())
def test_what_is_kept_later_was_kept_before(history, rungs, first, then, data):
    referenced = data.draw(st.sets(st.sampled_from([one.snapshot_id for one in history] or [0])))
    mark = data.draw(st.sampled_from([None, *(one.snapshot_id for one in history)]))
    now = end_of(history) + first
    before = left(history, referenced, mark, now, rungs)
    after = left(history, referenced, mark, now + then, rungs)
    assert set(after) <= set(before)


@given(histories(), LADDERS, st.lists(st.integers(1, 2 * HOUR), max_size=30))
def test_thinning_again_and_again_leaves_what_thinning_once_does(history, rungs, steps):
    now, kept = START, []
    for step in steps:
        arrived = [one for one in history if now < one.committed_ms <= now + step]
        now += step
        kept = left([*kept, *arrived], (), None, now, rungs)
    stored = [one for one in history if START < one.committed_ms <= now]
    assert kept == left(stored, (), None, now, rungs)


def test_every_minute_for_two_days_equals_once():
    rungs = parse_rungs("10m:all,1h:1m,6h:15m,1d:1h,7d:1d")
    every = 20_000
    history = [Kept(n, START + n * every) for n in range(2 * DAY // every)]
    kept, arrived = [], 0
    for now in range(START, history[-1].committed_ms + 1, MINUTE):
        upto = bisect.bisect_right(history, now, key=lambda one: one.committed_ms)
        kept = left([*kept, *history[arrived:upto]], (), None, now, rungs)
        arrived = upto
    assert kept == left(history[:arrived], (), None, now, rungs)


@given(histories(), LADDERS, st.integers(0, DAY))
def test_no_more_are_kept_than_the_ladder_has_slots(history, rungs, later):
    kept = left(history, (), None, end_of(history) + later, rungs)
    from_ms = end_of(history) + later - rungs[0].for_ms - rungs[1].slot_ms
    thinned = [one for one in kept if one.committed_ms < from_ms]
    # A rung may hold one slot more than fit it: the next one begins where a slot of its own does.
    slots = sum(rung.for_ms // rung.slot_ms for rung in rungs[1:])
    spare = sum(older.slot_ms // younger.slot_ms for younger, older in pairwise(rungs[1:]))
    assert len(thinned) <= slots + spare + 2


def test_the_default_ladder_is_full_at_about_a_thousand():
    assert 1_000 <= capacity(parse_rungs(DEFAULT_LADDER), 2) <= 1_040


@given(histories(), LADDERS, st.integers(0, DAY))
def test_the_last_of_each_slot_is_kept(history, rungs, later):
    now = end_of(history) + later
    kept = set(left(history, (), None, now, rungs))
    age = 0
    for rung in rungs:
        # Well inside the rung, whatever slot its ends are moved to.
        for one, after in zip_longest(history, history[1:]):
            slot = rung.slot_ms or 1
            inside = age <= now - one.committed_ms <= age + rung.for_ms
            is_last = after is None or after.committed_ms // slot > one.committed_ms // slot
            if inside and is_last:
                assert one in kept
        age += rung.for_ms


@given(histories(), LADDERS, st.integers(0, 500 * DAY), st.data())
def test_the_tip_the_streams_newest_and_all_between_stay(history, rungs, later, data):
    if not history:
        return
    place = data.draw(st.integers(0, len(history) - 1))
    now = end_of(history) + later
    kept = left(history, (), history[place].snapshot_id, now, rungs)
    assert kept[place - len(history) :] == history[place:]
    assert left(history, (), None, now, rungs)[-1] == history[-1]


@given(histories(), LADDERS, st.integers(0, 500 * DAY), st.data())
def test_what_a_tag_names_stays(history, rungs, later, data):
    named = data.draw(st.sets(st.sampled_from([one.snapshot_id for one in history] or [0])))
    kept = {one.snapshot_id for one in left(history, named, None, end_of(history) + later, rungs)}
    assert named & {one.snapshot_id for one in history} <= kept


def test_the_snapshot_that_was_the_tip_when_keeping_begins_stays():
    long_ago, now = Kept(1, START), START + 3 * DAY
    before, fresh = Kept(2, START + 5), Kept(3, now)
    assert left([long_ago, before, fresh], (), None, now, SMALL) == [before, fresh]


@given(histories(), histories(), LADDERS, st.integers(0, DAY))
def test_every_kept_moment_finds_its_neighbours_in_the_other_tables(trades, others, rungs, later):
    now = max(end_of(trades), end_of(others)) + later
    moments = left(trades, (), None, now, rungs)
    gone = set(expired_beside(others, (), (one.committed_ms for one in moments), now, rungs))
    kept = [one for one in others if one.snapshot_id not in gone]
    for moment in moments:
        wanted = [one for one in others if one.committed_ms <= moment.committed_ms][-1:]
        found = [one for one in kept if one.committed_ms <= moment.committed_ms][-1:]
        assert wanted == found
        # The next one proves it: nothing was committed between the two.
        following = [one for one in others if one.committed_ms > moment.committed_ms][:1]
        assert following == [one for one in kept if one.committed_ms > moment.committed_ms][:1]


def test_an_empty_history_has_nothing_to_expire():
    assert expired([], (), None, START, SMALL) == []
    assert expired_beside([], (), (), START, SMALL) == []


def test_a_ladder_says_itself_as_it_was_written():
    assert ",".join(map(str, parse_rungs(DEFAULT_LADDER))) == DEFAULT_LADDER
    assert parse_rungs(" 90s:all , 2m:30s ") == (Rung(90_000, 0), Rung(120_000, 30_000))
    assert str(replace(SMALL[0], for_ms=90_000)) == "90s:all"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no rung"),
        ("10m", "'10m' is no rung"),
        ("10m:all,", "'' is no rung"),
        ("ten:all", "'ten' is no length of time"),
        ("10m:all,1h:0m", "'0m' is no length of time"),
        ("10m:1m", "must keep every snapshot"),
        ("10m:all,1h:all", "whole multiples"),
        ("10m:all,1h:2m,1d:15m", "whole multiples"),
        ("10m:all,1m:1h", "does not last"),
    ],
)
def test_a_ladder_that_means_nothing_is_refused_with_a_reason(text, words):
    with pytest.raises(ValueError, match=words):
        parse_rungs(text)
