from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.care import compaction_options
from streaming.care_plan import (
    FOLDED_TIERS,
    MIN_FILES,
    TARGET_BYTES,
    TIERS,
    Compaction,
    Pile,
    expire_before,
    plan,
    tier_bound,
    tier_of,
    totals,
)

TODAY = date(2026, 1, 2)
YESTERDAY = date(2026, 1, 1)


def pile(files, *, day=TODAY, place="AAPL", tier=0, size_bytes=1000):
    return Pile(day, place, tier, files, size_bytes)


def test_no_files_need_no_compaction():
    assert plan([], {}, TODAY) == []


def test_few_files_are_left_until_merging_them_pays():
    assert plan([pile(MIN_FILES - 1, tier=FOLDED_TIERS)], {}, TODAY) == []


@pytest.mark.parametrize("tier", range(FOLDED_TIERS))
def test_small_files_are_left_to_folding(tier):
    assert plan([pile(1000, tier=tier)], {}, TODAY) == []


@given(st.integers(0, tier_bound(TIERS)))
def test_a_file_belongs_to_the_first_tier_whose_bound_it_is_below(size_bytes):
    tier = tier_of(size_bytes)
    assert tier == TIERS or size_bytes < tier_bound(tier)
    assert tier == 0 or size_bytes >= tier_bound(tier - 1)


@pytest.mark.parametrize("tier", range(TIERS))
def test_a_tier_ends_just_below_its_bound(tier):
    assert tier_of(tier_bound(tier) - 1) == tier
    assert tier_of(tier_bound(tier)) == tier + 1


def test_many_files_of_a_tier_are_merged_and_larger_ones_left_alone():
    found = plan([pile(MIN_FILES, tier=3), pile(1, tier=5)], {}, TODAY)
    assert found == [Compaction(TODAY, tier_bound(3), MIN_FILES)]


def test_a_full_tier_takes_all_smaller_files_with_it():
    found = plan([pile(MIN_FILES, tier=3), pile(MIN_FILES, tier=4)], {}, TODAY)
    assert found == [Compaction(TODAY, tier_bound(4), MIN_FILES)]


def test_files_of_two_table_partitions_are_not_counted_together():
    half = MIN_FILES - 1
    assert plan([pile(half, tier=3), pile(half, tier=3, place="TSLA")], {}, TODAY) == []


def test_the_newest_day_comes_first():
    found = plan([pile(9, day=YESTERDAY, tier=3), pile(9, tier=3)], {}, TODAY)
    assert [compaction.day for compaction in found] == [TODAY, YESTERDAY]


def test_a_past_day_that_nothing_was_added_to_is_merged_for_good():
    piles = [pile(2, day=YESTERDAY, tier=1), pile(1, day=YESTERDAY, tier=4)]
    assert plan(piles, {}, TODAY) == []
    found = plan(piles, totals(piles), TODAY)
    assert found == [Compaction(YESTERDAY, tier_bound(TIERS - 1), 2)]


def test_a_past_day_that_still_grows_is_merged_in_tiers_only():
    piles = [pile(2, day=YESTERDAY)]
    assert plan(piles, totals([pile(1, day=YESTERDAY)]), TODAY) == []


def test_today_is_never_closed():
    piles = [pile(2)]
    assert plan(piles, totals(piles), TODAY) == []


def test_a_closed_day_that_cannot_have_fewer_files_is_left_alone():
    piles = [pile(2, day=YESTERDAY, tier=5, size_bytes=TARGET_BYTES + 1)]
    assert plan(piles, totals(piles), TODAY) == []


@given(
    st.lists(
        st.builds(
            Pile,
            day=st.sampled_from([TODAY, YESTERDAY]),
            place=st.sampled_from(["a", "b"]),
            tier=st.integers(0, TIERS - 1),
            files=st.integers(1, 20),
            size_bytes=st.integers(1, TARGET_BYTES),
        )
    )
)
def test_a_day_is_compacted_at_most_once_a_round(piles):
    days = [compaction.day for compaction in plan(piles, totals(piles), TODAY)]
    assert len(days) == len(set(days))


@pytest.mark.parametrize("tier", range(TIERS))
def test_iceberg_accepts_only_a_target_between_the_two_bounds(tier):
    options = compaction_options(Compaction(TODAY, tier_bound(tier), 2))
    low, target, high = (int(options[f"{n}-file-size-bytes"]) for n in ("min", "target", "max"))
    assert 0 <= low < target < high


def test_the_snapshot_that_was_the_tip_when_keeping_begins_stays():
    assert expire_before([10, 20, 30, 40], keep_from=35) == 30
    assert expire_before([10, 20, 30, 40], keep_from=30) == 30
    assert expire_before([40], keep_from=35) == 35
    assert expire_before([], keep_from=35) == 35
