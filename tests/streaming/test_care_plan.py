from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.care_plan import (
    FOLDED_TIERS,
    MIN_FILES,
    MIN_SMALLEST_FILES,
    SMALLEST_TIER_BYTES,
    TIERS,
    Backlog,
    backlog,
    is_settled,
    open_from,
    piles_to_fold,
    piles_to_merge,
    tier_bound,
    tier_of,
    totals,
)

TODAY = date(2026, 1, 2)
YESTERDAY = date(2026, 1, 1)


@dataclass(frozen=True)
class File:
    place: str
    day: date
    size_bytes: int
    is_sorted: bool = False


def files(number, *, tier=0, place="AAPL", day=TODAY, is_sorted=False):
    size_bytes = tier_bound(tier) - 1
    return [File(f"{day}/{place}", day, size_bytes, is_sorted)] * number


def merged(some, today=TODAY, before=None):
    return piles_to_merge(some, totals(some) if before is None else before, today)


@given(st.integers(0, tier_bound(TIERS)))
def test_a_file_belongs_to_the_first_tier_whose_bound_it_is_below(size_bytes):
    tier = tier_of(size_bytes)
    assert tier == TIERS or size_bytes < tier_bound(tier)
    assert tier == 0 or size_bytes >= tier_bound(tier - 1)


@pytest.mark.parametrize("tier", range(TIERS))
def test_a_tier_ends_just_below_its_bound(tier):
    assert tier_of(tier_bound(tier) - 1) == tier
    assert tier_of(tier_bound(tier)) == tier + 1


class TestFolding:
    def test_no_files_are_no_pile(self):
        assert piles_to_fold([]) == []

    def test_few_files_of_a_table_partition_wait_for_more(self):
        few = files(MIN_SMALLEST_FILES - 1)
        assert piles_to_fold([*few, *files(len(few), place="TSLA")]) == []

    def test_each_table_partition_is_a_pile_of_its_own(self):
        apple = files(MIN_SMALLEST_FILES)
        tesla = files(MIN_SMALLEST_FILES + 1, place="TSLA")
        assert piles_to_fold([*apple, *tesla]) == [apple, tesla]

    def test_what_folding_has_made_is_folded_with_its_like(self):
        smallest = files(MIN_SMALLEST_FILES - 1)
        folded = files(MIN_FILES, tier=1)
        assert piles_to_fold([*smallest, *folded]) == [folded]

    @pytest.mark.parametrize("tier", range(FOLDED_TIERS, TIERS))
    def test_larger_files_are_left_to_merging(self, tier):
        assert piles_to_fold(files(100, tier=tier)) == []

    def test_no_pile_is_more_than_memory_should_hold(self):
        [pile] = piles_to_fold(files(1000))
        assert sum(file.size_bytes for file in pile) < 16 * 1024 * 1024 + SMALLEST_TIER_BYTES


class TestMergingTheOpenDay:
    def test_no_files_need_no_merging(self):
        assert merged([]) == []

    def test_few_files_are_left_until_merging_them_pays(self):
        assert merged(files(MIN_FILES - 1, tier=FOLDED_TIERS)) == []

    @pytest.mark.parametrize("tier", range(FOLDED_TIERS))
    def test_small_files_are_left_to_folding(self, tier):
        assert merged(files(1000, tier=tier)) == []

    def test_a_full_tier_takes_all_smaller_files_with_it(self):
        smaller, full, larger = files(3), files(MIN_FILES, tier=3), files(1, tier=4)
        assert merged([*smaller, *full, *larger]) == [[*smaller, *full]]

    def test_files_of_two_table_partitions_are_not_counted_together(self):
        half = files(MIN_FILES - 1, tier=3)
        assert merged([*half, *files(len(half), tier=3, place="TSLA")]) == []

    def test_files_of_the_last_size_are_left_alone(self):
        assert merged([File("a", TODAY, tier_bound(TIERS - 1))] * 9) == []

    def test_the_newest_day_comes_first(self):
        old, new = files(9, tier=3, day=YESTERDAY), files(9, tier=3)
        assert [pile[0].day for pile in merged([*old, *new])] == [TODAY, YESTERDAY]

    def test_today_is_never_closed(self):
        assert merged(files(3)) == []


class TestClosingADay:
    def test_a_past_day_that_nothing_was_added_to_is_merged_for_good(self):
        some = [*files(2, tier=1, day=YESTERDAY), *files(1, tier=4, day=YESTERDAY)]
        assert merged(some, before={}) == []
        assert merged(some) == [some]

    def test_a_past_day_that_still_grows_is_not_closed(self):
        assert merged(files(3, day=YESTERDAY), before=totals(files(2, day=YESTERDAY))) == []

    def test_two_sorted_files_may_stay(self):
        assert merged(files(2, day=YESTERDAY, is_sorted=True)) == []

    def test_one_file_that_is_not_sorted_is_written_anew(self):
        one = files(1, day=YESTERDAY)
        assert merged(one) == [one]

    def test_beside_a_file_of_the_last_size_there_is_room_for_one(self):
        large = [File("a", YESTERDAY, tier_bound(TIERS - 1))]
        small = [File("a", YESTERDAY, 5, is_sorted=True)]
        assert is_settled([*large, *small])
        assert is_settled([*large * 7, *small])
        assert merged([*large, *small, *small]) == [[*small, *small]]

    @given(
        st.lists(
            st.builds(
                File,
                place=st.sampled_from(["a", "b"]),
                day=st.just(YESTERDAY),
                size_bytes=st.integers(1, tier_bound(TIERS)),
                is_sorted=st.booleans(),
            )
        )
    )
    def test_what_is_merged_is_settled_afterwards(self, some):
        for pile in merged(some):
            untouched = [file for file in some if file.place == pile[0].place]
            untouched = [file for file in untouched if file not in pile]
            size = min(sum(file.size_bytes for file in pile), tier_bound(TIERS - 1) - 1)
            assert is_settled([*untouched, File(pile[0].place, YESTERDAY, size, is_sorted=True)])


def test_care_looks_from_the_first_day_that_is_not_settled():
    settled = files(2, day=date(2025, 12, 30), is_sorted=True)
    assert open_from([], TODAY) == TODAY
    assert open_from(settled, TODAY) == TODAY
    assert open_from([*settled, *files(1, day=YESTERDAY)], TODAY) == YESTERDAY
    assert open_from(files(1, day=date(2026, 1, 3)), TODAY) == TODAY


def test_two_small_files_of_a_table_partition_wait_for_nothing():
    some = [*files(2), *files(5, place="TSLA"), *files(9, tier=FOLDED_TIERS)]
    assert backlog(some) == Backlog(waiting=3, settled=13)
