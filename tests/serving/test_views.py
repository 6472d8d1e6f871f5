"""The plain names of SQL, over an ordinary DuckDB table in the place of Iceberg's."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.schema import TABLES, TRADES
from serving.bars import SECOND, from_arrow, select_bars
from serving.queries import select_trades, table_at
from serving.times import to_time
from serving.views import BARS, NAMES, plain_names
from tests.support.local_lake import Row
from tests.support.trades_in_memory import START, some_trades, trades_in_memory, write


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with trades_in_memory() as connection:
        yield connection


def ask(database: duckdb.DuckDBPyConnection, text: str) -> list[dict]:
    for view in plain_names(text, {}):
        database.execute(view.text)
    return database.execute(text).to_arrow_table().to_pylist()


@settings(deadline=None, max_examples=60)
@given(some_trades, st.sampled_from(list(BARS)))
def test_bars_in_sql_are_the_bars_of_the_screen(
    database: duckdb.DuckDBPyConnection, rows: list[Row], name: str
) -> None:
    write(database, rows)
    query = select_bars(select_trades(table_at(TRADES)), BARS[name])
    expected = {
        (symbol, to_time(bar.start)): bar
        for symbol, bars in from_arrow(database.execute(query.text).to_arrow_table()).items()
        for bar in bars
    }
    answer = {
        (row["symbol"], row["bar_start"]): row for row in ask(database, f"SELECT * FROM {name}")
    }
    assert answer.keys() == expected.keys()
    for key, bar in expected.items():
        row = answer[key]
        for part in ("open", "high", "low", "close", "volume", "trade_value", "trade_count"):
            assert row[part] == getattr(bar, part), part
        assert (row["vwap"] is None) == (bar.vwap is None)
        assert bar.vwap is None or math.isclose(row["vwap"], bar.vwap, rel_tol=1e-12)


def test_a_tie_in_event_time_is_broken_by_the_offset(database: duckdb.DuckDBPyConnection) -> None:
    rows = [Row("AAPL", START, 10.0 + n, 1.0, kafka_offset=n) for n in (2, 0, 1)]
    write(database, rows)
    (bar,) = ask(database, "SELECT open, close FROM bars_1d")
    assert bar == {"open": 10.0, "close": 12.0}
    (newest,) = ask(database, "SELECT price FROM latest")
    assert newest == {"price": 12.0}


def test_latest_is_one_whole_row_of_each_symbol(database: duckdb.DuckDBPyConnection) -> None:
    rows = [
        Row(symbol, START + n * SECOND, 10.0 + n, 1.0, (1,), kafka_offset=n)
        for symbol in ("AAPL", "MSFT")
        for n in (1, 2, 0)
    ]
    write(database, rows)
    answer = ask(database, "SELECT * FROM latest ORDER BY symbol")
    assert [list(row) for row in answer] == [list(TRADES.column_names)] * 2
    assert [(row["symbol"], row["price"]) for row in answer] == [("AAPL", 12.0), ("MSFT", 12.0)]
    assert answer[0]["event_time"] == datetime.fromtimestamp(START / 1e6 + 2, UTC)


@pytest.mark.parametrize("name", ["bars_1m", "latest", "trades"])
def test_a_condition_on_the_symbol_reaches_the_table(
    database: duckdb.DuckDBPyConnection, name: str
) -> None:
    rows = [Row(f"S{n % 5}", START + n, 10.0, 1.0, kafka_offset=n) for n in range(50)]
    write(database, rows)
    plan = str(ask(database, f"EXPLAIN SELECT * FROM {name} WHERE symbol = 'S1'"))
    scan = plan[plan.index("SEQ_SCAN") :]
    assert "symbol='S1'" in scan


def test_only_names_that_are_used_become_views() -> None:
    (view,) = plain_names('SELECT "price" FROM Trades, x.tradesmen', {"trades": 7})
    assert view.text == (
        "CREATE OR REPLACE TEMP VIEW trades AS SELECT * FROM lake.market.trades AT (VERSION => 7)"
    )


def test_a_table_named_in_full_needs_no_view() -> None:
    assert plain_names("SELECT count(*) FROM lake.market.trades AT (VERSION => 7)", {}) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_name_stands_at_its_tables_snapshot(name: str) -> None:
    snapshot_ids = {table.name: 70 + n for n, table in enumerate(TABLES)}
    (view,) = plain_names(f"FROM {name}", snapshot_ids)
    expected = snapshot_ids.get(name, snapshot_ids["trades"])
    assert view.text.count("AT (VERSION =>") == 1
    assert f"AT (VERSION => {expected})" in view.text
