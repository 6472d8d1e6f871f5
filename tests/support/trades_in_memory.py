"""Trades in an ordinary DuckDB, where `lake.market.trades` is, for tests of SQL without servers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
from hypothesis import strategies as st

from catalog.schema import TRADES
from serving.bars import SECOND
from serving.queries import table_at
from tests.support.local_lake import Row, to_arrow, trades_schema

START = 1_700_000_000 * SECOND

# An odd lot, average price, official close and open, codes that nobody knows, and none at all.
_CODES = st.sampled_from([1, 2, 3, 8, 12, 16, 20, 24, 37, 39, 998, 999])

some_trades = st.lists(
    st.builds(
        Row,
        symbol=st.sampled_from(["AAPL", "BINANCE:BTCUSDT"]),
        # Few different times, so that first and last are often decided by the offset.
        event_time=st.integers(0, 40).map(lambda n: START + n * 20 * SECOND),
        price=st.floats(0.0001, 1e6),
        size=st.one_of(st.just(0.0), st.floats(0, 1e6)),
        conditions=st.none() | st.lists(_CODES, max_size=3).map(tuple),
        kafka_partition=st.integers(0, 1),
    ),
    max_size=40,
).map(lambda rows: [Row(**{**row.__dict__, "kafka_offset": n}) for n, row in enumerate(rows)])
"""Trades in the order of their offsets, which are those of the list."""


@contextmanager
def trades_in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with an empty `lake.market.trades`."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("ATTACH ':memory:' AS lake; CREATE SCHEMA lake.market")
        write(connection, [])
        yield connection


def write(
    database: duckdb.DuckDBPyConnection, rows: Sequence[Row], table: str = table_at(TRADES)
) -> None:
    """Make the table hold these rows."""
    database.register("given_trades", to_arrow(rows, trades_schema()))
    database.execute(f"CREATE OR REPLACE TABLE {table} AS FROM given_trades")
