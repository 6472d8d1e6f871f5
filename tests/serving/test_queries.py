import pytest

from catalog.schema import TRADES
from serving.queries import (
    in_files,
    select_new_trades,
    select_trades,
    table_at,
    updates,
)


def test_a_table_is_read_at_its_snapshot_or_at_the_newest() -> None:
    assert table_at(TRADES, 7) == "lake.market.trades AT (VERSION => 7)"
    assert table_at(TRADES) == "lake.market.trades"


def test_a_snapshot_id_that_is_no_number_never_reaches_the_text() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        table_at(TRADES, "7; DROP TABLE trades")  # type: ignore[arg-type]


def test_symbols_are_parameters() -> None:
    hostile = "'; DROP TABLE trades; --"
    query = select_trades(table_at(TRADES, 7), hostile, 0, 1)
    assert hostile not in query.text
    assert query.parameters == (hostile, 0, 1)


def test_no_bound_makes_no_condition() -> None:
    assert "WHERE" not in select_trades(table_at(TRADES, 7)).text
    assert select_trades(table_at(TRADES), "AAPL", None, 5).parameters == ("AAPL", 5)


def test_a_topic_partition_never_seen_is_read_whole() -> None:
    text = select_new_trades(table_at(TRADES, 7), {1: 50}).text
    assert "(kafka_partition = 1 AND kafka_offset > 50)" in text
    assert "OR kafka_partition NOT IN (1)" in text


def test_a_path_with_a_quote_stays_a_path() -> None:
    assert "['s3://lake/it''s.parquet']" in in_files(["s3://lake/it's.parquet"])


def test_no_part_of_a_bar_is_updated_by_an_official_close() -> None:
    assert all("16" in updates(part) for part in ("open_close", "high_low", "volume"))
