from streaming.folding import MIN_FILES, SmallFile, piles_worth_folding


def files(number, *, place="symbol=AAPL", size_bytes=4000):
    return [SmallFile(None, place, f"s3://{place}/{n}", size_bytes) for n in range(number)]


def test_no_files_are_no_pile():
    assert piles_worth_folding([]) == []


def test_few_files_of_a_table_partition_wait_for_more():
    few = files(MIN_FILES - 1)
    assert piles_worth_folding([*few, *files(MIN_FILES - 1, place="symbol=TSLA")]) == []


def test_each_table_partition_is_a_pile_of_its_own():
    apple, tesla = files(MIN_FILES), files(MIN_FILES + 1, place="symbol=TSLA")
    assert piles_worth_folding([*apple, *tesla]) == [apple, tesla]


def test_no_pile_is_more_than_memory_should_hold():
    many = files(1000, size_bytes=60_000)
    [pile] = piles_worth_folding(many)
    assert sum(file.size_bytes for file in pile) < 17 * 1024 * 1024
