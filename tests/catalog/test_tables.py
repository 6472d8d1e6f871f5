import pytest

from catalog.schema import FEED_EVENTS, REJECTED, TABLES, TRADES
from catalog.tables import to_iceberg_schema, to_partition_spec


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_iceberg_has_our_columns_in_order(table):
    assert tuple(field.name for field in to_iceberg_schema(table).fields) == table.column_names


def test_trades_are_partitioned_by_day_and_symbol():
    assert [(f.name, str(f.transform)) for f in to_partition_spec(TRADES).fields] == [
        ("event_time_day", "day"),
        ("symbol", "identity"),
    ]


def test_the_others_are_partitioned_by_day():
    assert [f.name for f in to_partition_spec(REJECTED).fields] == ["received_at_day"]
    assert [f.name for f in to_partition_spec(FEED_EVENTS).fields] == ["to_time_day"]


def test_list_elements_may_be_null_or_spark_would_refuse_to_write():
    assert not to_iceberg_schema(TRADES).find_type("conditions").element_required
