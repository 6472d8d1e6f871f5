from streaming.care_plan import MIN_FILES, SMALLEST_TIER_BYTES
from streaming.folding import MIN_SMALLEST_FILES, SmallFile, piles_worth_folding


def files(number, *, place="symbol=AAPL", size_bytes=4000):
    return [SmallFile(None, place, f"s3://{place}/{n}", size_bytes) for n in range(number)]


def test_no_files_are_no_pile():
    assert piles_worth_folding([]) == []


def test_few_files_of_a_table_partition_wait_for_more():
    few = files(MIN_SMALLEST_FILES - 1)
    assert piles_worth_folding([*few, *files(len(few), place="symbol=TSLA")]) == []


def test_each_table_partition_is_a_pile_of_its_own():
    apple = files(MIN_SMALLEST_FILES)
    tesla = files(MIN_SMALLEST_FILES + 1, place="symbol=TSLA")
    assert piles_worth_folding([*apple, *tesla]) == [apple, tesla]


def test_what_folding_has_made_is_folded_with_its_like():
    smallest = files(MIN_SMALLEST_FILES - 1)
    folded = files(MIN_FILES, size_bytes=SMALLEST_TIER_BYTES)
    assert piles_worth_folding([*smallest, *folded]) == [folded]


def test_no_pile_is_more_than_memory_should_hold():
    many = files(1000, size_bytes=60_000)
    [pile] = piles_worth_folding(many)
    assert sum(file.size_bytes for file in pile) < 17 * 1024 * 1024
