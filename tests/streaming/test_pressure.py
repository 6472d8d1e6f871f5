import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.retention import DEFAULT_LADDER, capacity, parse_rungs
from streaming.pressure import (
    LONGEST_TRIGGER_SECONDS,
    PATIENCE_SECONDS,
    Bounds,
    Health,
    next_trigger,
)

RUNGS = parse_rungs(DEFAULT_LADDER)
BOUNDS = Bounds(small_files=1000, snapshots=2000)
LOADS = st.floats(0, 10)


def test_a_bound_that_is_passed_doubles_the_trigger():
    assert next_trigger(2, 2, 1.1, PATIENCE_SECONDS) == 4
    assert next_trigger(4, 2, 1.1, PATIENCE_SECONDS) == 8


def test_a_change_is_given_time_to_show():
    assert next_trigger(4, 2, 9, PATIENCE_SECONDS - 1) == 4
    assert next_trigger(4, 2, 0, PATIENCE_SECONDS - 1) == 4


def test_a_table_that_is_well_gets_its_trigger_back_step_by_step():
    assert next_trigger(8, 2, 0.1, PATIENCE_SECONDS) == 4
    assert next_trigger(4, 2, 0.1, PATIENCE_SECONDS) == 2
    assert next_trigger(2, 2, 0.1, PATIENCE_SECONDS) == 2


@given(st.sampled_from([1, 2, 30, 60]), st.floats(0.75, 1))
def test_between_the_two_bounds_nothing_changes(seconds, load):
    assert next_trigger(seconds, 1, load, PATIENCE_SECONDS) == seconds


@given(st.floats(1, 60), st.lists(LOADS, max_size=50))
def test_the_trigger_is_never_shorter_than_configured_nor_longer_than_a_minute(configured, loads):
    seconds = configured
    for load in loads:
        seconds = next_trigger(seconds, configured, load, PATIENCE_SECONDS)
        assert configured <= seconds <= LONGEST_TRIGGER_SECONDS


@given(st.floats(1, 60), st.lists(LOADS, max_size=50))
def test_however_far_it_was_stretched_it_comes_back(configured, loads):
    seconds = configured
    for load in [*loads, *[0.0] * 6]:
        seconds = next_trigger(seconds, configured, load, PATIENCE_SECONDS)
    assert seconds == configured


@pytest.mark.parametrize("trigger", [1, 2, 10, 60])
def test_a_full_ladder_is_in_good_health_and_lets_the_trigger_come_back(trigger):
    bounds = Bounds.of(5000, RUNGS, trigger)
    full = Health(0, capacity(RUNGS, trigger) + round(120 / trigger))
    assert full.load(bounds) < 0.75


def test_health_is_what_waits_and_what_no_tag_holds():
    told = {"files": 900, "settled_files": 300, "snapshots": 700, "tags": 500}
    assert Health.of(told) == Health(600, 200)
    # Until care has said how many lie as they should, none can be said to wait.
    assert Health.of({"files": 9_000, "snapshots": 10}) == Health(0, 10)


def test_the_fuller_of_the_two_bounds_counts_and_is_named():
    assert Health(2000, 1000).load(BOUNDS) == 2
    assert Health(500, 3000).load(BOUNDS) == 1.5
    assert Health(1, 1).words(BOUNDS) == ""
    assert "2000 small files wait" in Health(2000, 3000).words(BOUNDS)
    assert "3000 snapshots are kept" in Health(2000, 3000).words(BOUNDS)
