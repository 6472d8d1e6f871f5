"""Differences as SQL, over ordinary DuckDB tables in the place of two snapshots."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.schema import TRADES
from serving.bars import SECOND, Interval, select_shown_bars
from serving.diff_queries import (
    SHOWN,
    Change,
    beyond_in,
    files_beyond,
    files_of_bars,
    nothing_of,
    only_in,
    select_bars_changed,
    select_counts,
    select_trades_changed,
)
from serving.manifests import Extent, TradesFile
from serving.queries import Query, beyond, select_trades
from tests.support.local_lake import Row
from tests.support.trades_in_memory import START, some_trades, trades_in_memory, write

A, B = "lake.market.a", "lake.market.b"


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with trades_in_memory() as connection:
        yield connection


def ask(database: duckdb.DuckDBPyConnection, query: Query) -> list[dict[str, Any]]:
    return database.execute(query.text, query.parameters).to_arrow_table().to_pylist()


def positions(rows: list[Row]) -> dict[int, int]:
    last: dict[int, int] = {}
    for row in rows:
        last[row.kafka_partition] = max(row.kafka_offset, last.get(row.kafka_partition, -1))
    return last


def changed(
    database: duckdb.DuckDBPyConnection, interval: Interval, symbol: str | None
) -> list[dict[str, Any]]:
    """What a difference of bars must be: all of A's bars beside all of B's."""
    bars: list[Mapping[Any, Mapping[str, Any]]] = []
    for table in (A, B):
        answer = ask(database, select_shown_bars(select_trades(table, symbol), interval))
        bars.append({(row["symbol"], row["bar_start"]): row for row in answer})
    old, new = bars
    return [
        {"symbol": key[0], "bar_start": key[1]}
        | {
            f"{age}_{name}": one[key][name] if key in one else None
            for name in SHOWN
            for age, one in (("old", old), ("new", new))
        }
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


@settings(deadline=None, max_examples=60)
@given(
    some_trades,
    st.data(),
    st.sampled_from([Interval.S1, Interval.M1, Interval.D1]),
    st.sampled_from([None, "AAPL"]),
)
def test_offsets_tell_what_was_added_and_which_bars_changed(
    database: duckdb.DuckDBPyConnection,
    rows: list[Row],
    data: st.DataObject,
    interval: Interval,
    symbol: str | None,
) -> None:
    # Each topic partition was committed up to a place of its own.
    cuts = [data.draw(st.integers(0, len(rows))) for _ in range(2)]
    before = [row for row in rows if row.kafka_offset < cuts[row.kafka_partition]]
    write(database, before, A)
    write(database, rows, B)
    added = beyond_in(B, beyond(positions(before)))
    new = {(r.kafka_partition, r.kafka_offset) for r in rows if r not in before}
    found = ask(database, select_trades_changed(Change(added), None))
    assert [(row["kafka_partition"], row["kafka_offset"]) for row in found] == sorted(new)
    assert {row["change"] for row in found} <= {"added"}
    expected = changed(database, interval, symbol)
    assert ask(database, select_bars_changed(Change(added), A, interval, symbol)) == expected
    by_row = Change(only_in(B, A), only_in(A, B))
    assert ask(database, select_bars_changed(by_row, A, interval, symbol)) == expected


@settings(deadline=None, max_examples=40)
@given(some_trades, st.data())
def test_row_by_row_sees_what_was_removed_too(
    database: duckdb.DuckDBPyConnection, rows: list[Row], data: st.DataObject
) -> None:
    fates = [data.draw(st.sampled_from(["both", "a", "b"])) for _ in rows]
    of_a = [row for row, fate in zip(rows, fates, strict=True) if fate != "b"]
    of_b = [row for row, fate in zip(rows, fates, strict=True) if fate != "a"]
    write(database, of_a, A)
    write(database, of_b, B)
    by_row = Change(only_in(B, A), only_in(A, B))
    answer = ask(database, select_bars_changed(by_row, A, Interval.M1, None))
    assert answer == changed(database, Interval.M1, None)
    told = {
        row["kafka_offset"]: row["change"]
        for row in ask(database, select_trades_changed(by_row, None))
    }
    expected = {"a": "removed", "b": "added"}
    assert told == {n: expected[fate] for n, fate in enumerate(fates) if fate != "both"}


def test_nothing_added_is_an_empty_answer_with_the_same_columns(
    database: duckdb.DuckDBPyConnection,
) -> None:
    write(database, [Row("AAPL", START, 10.0, 1.0)], A)
    change = Change(beyond_in(nothing_of(A), beyond({0: 0})))
    query = select_trades_changed(change, None)
    answer = database.execute(query.text).to_arrow_table()
    assert answer.column_names == ["change", *TRADES.column_names]
    assert answer.num_rows == 0
    assert ask(database, select_bars_changed(change, A, Interval.M1, None)) == []
    assert ask(database, select_counts(change.added)) == []


def test_an_official_close_is_an_added_trade_that_changes_no_bar(
    database: duckdb.DuckDBPyConnection,
) -> None:
    write(database, [Row("AAPL", START, 10.0, 1.0)], A)
    write(database, [Row("AAPL", START + SECOND, 99.0, 5.0, (16,), kafka_offset=1)], B)
    change = Change(beyond_in(B, beyond({0: 0})))
    assert len(ask(database, select_trades_changed(change, None))) == 1
    assert ask(database, select_bars_changed(change, A, Interval.M1, None)) == []


def file(path: str, symbol: str, seconds: tuple[int, int], last_offset: int) -> TradesFile:
    oldest, newest = (START // (60 * SECOND) * 60 * SECOND + s * SECOND for s in seconds)
    return TradesFile(path, Extent(symbol, 0, last_offset, oldest, newest, newest), 0, 1)


def test_only_files_that_reach_beyond_are_read() -> None:
    files = [file("old", "AAPL", (0, 9), 7), file("new", "AAPL", (0, 9), 8)]
    assert [one.path for one in files_beyond(files, {0: 7})] == ["new"]
    assert files_beyond(files, {1: 100}) == files


def test_old_bars_need_files_of_the_same_symbol_and_the_same_bars() -> None:
    held = [
        file("before", "AAPL", (0, 59), 1),
        file("within", "AAPL", (60, 61), 2),
        file("across", "AAPL", (0, 300), 3),
        file("after", "AAPL", (120, 130), 4),
        file("other", "MSFT", (60, 119), 5),
        file("far", "AAPL", (605, 606), 6),
    ]
    added = [file("new", "AAPL", (100, 110), 9), file("late", "AAPL", (600, 601), 8)]
    chosen = [one.path for one in files_of_bars(held, added, Interval.M1)]
    assert chosen == ["within", "across", "far"]
