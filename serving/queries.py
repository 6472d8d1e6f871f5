"""SQL as values: text and bound parameters, built here and run by `serving.lake`.

Only names of our own tables, snapshot ids (integers) and condition codes ever stand in the text;
whatever comes from a user or the feed is a parameter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.conditions import NOT_HIGH_LOW, NOT_OPEN_CLOSE, NOT_VOLUME
from catalog.schema import FEED_EVENTS, NAMESPACE, TRADES, Table

ATTACHED = "lake"

# What bars are made of (`serving.bars`).
BAR_COLUMNS = (
    "symbol, epoch_us(event_time) AS event_us, price, size, trade_value, conditions,"
    " epoch_us(received_at) AS received_us, kafka_partition, kafka_offset"
)


@dataclass(frozen=True, slots=True)
class Query:
    """SQL text with `?` in it, and what each stands for, in order."""

    text: str
    parameters: tuple[object, ...] = ()


def table_at(table: Table, snapshot_id: int | None = None) -> str:
    """The table in a FROM clause: at that snapshot, or at the newest."""
    name = f"{ATTACHED}.{NAMESPACE}.{table.name}"
    return name if snapshot_id is None else f"{name} AT (VERSION => {int(snapshot_id)})"


def in_files(paths: Sequence[str]) -> str:
    """Those data files in a FROM clause; all of them must be of one table."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"


def select_trades(
    source: str,
    symbol: str | None = None,
    start: int | None = None,
    end: int | None = None,
    columns: str = BAR_COLUMNS,
) -> Query:
    """Trades with `start <= event_time < end` (microseconds), as bars need them.

    None sets no bound. `source` is what `table_at` or `in_files` says.
    """
    bounds = {
        "symbol = ?": symbol,
        "event_time >= make_timestamptz(?::BIGINT)": start,
        "event_time < make_timestamptz(?::BIGINT)": end,
    }
    given = {text: value for text, value in bounds.items() if value is not None}
    where = f" WHERE {' AND '.join(given)}" if given else ""
    return Query(f"SELECT {columns} FROM {source}{where}", tuple(given.values()))


def select_spans(source: str, spans: Sequence[tuple[str, int, int]]) -> Query:
    """Trades of several symbols, each in its own time: (symbol, start, end), as `select_trades`."""
    each = (
        "(symbol = ? AND event_time >= make_timestamptz(?::BIGINT)"
        " AND event_time < make_timestamptz(?::BIGINT))"
    )
    where = " OR ".join([each] * len(spans)) or "false"
    parameters = tuple(value for span in spans for value in span)
    return Query(f"SELECT {BAR_COLUMNS} FROM {source} WHERE {where}", parameters)


def beyond(positions: Mapping[int, int]) -> str:
    """A condition: the row lies beyond `positions`, the last offset seen of each topic partition.

    A topic partition never seen is taken whole.
    """
    each = [
        f"(kafka_partition = {int(number)} AND kafka_offset > {int(offset)})"
        for number, offset in sorted(positions.items())
    ]
    seen = ", ".join(str(int(number)) for number in sorted(positions)) or "-1"
    return " OR ".join([*each, f"kafka_partition NOT IN ({seen})"])


def select_new_trades(source: str, positions: Mapping[int, int]) -> Query:
    """Trades `beyond` the positions, with `kafka_us` too; `source` as for `select_trades`."""
    columns = f"{BAR_COLUMNS}, epoch_us(kafka_time) AS kafka_us"
    return Query(f"SELECT {columns} FROM {source} WHERE {beyond(positions)}")


def select_offsets(source: str, symbol: str, start: int, end: int) -> Query:
    """By topic partition: first and last offset of a symbol's trades in a time (microseconds)."""
    trades = select_trades(source, symbol, start, end, "kafka_partition, kafka_offset")
    return Query(
        "SELECT kafka_partition, min(kafka_offset) AS first_offset,"
        f" max(kafka_offset) AS last_offset FROM ({trades.text}) GROUP BY kafka_partition",
        trades.parameters,
    )


def select_bounds(snapshot_id: int) -> Query:
    """The bounds of each (symbol, topic partition), by reading four columns whole."""
    return Query(
        "SELECT symbol, kafka_partition, max(kafka_offset) AS kafka_offset,"
        " epoch_us(min(event_time)) AS oldest_us, epoch_us(max(event_time)) AS newest_us,"
        " epoch_us(max(received_at)) AS received_us"
        f" FROM {table_at(TRADES, snapshot_id)} GROUP BY ALL"
    )


def select_connection_events(snapshot_id: int, since: int, offset: int) -> Query:
    """Connects, disconnects and gaps of the feed, in order.

    They ended at or after `since` (microseconds), and came after the message at the offset.
    """
    return Query(
        "SELECT kind, detail, epoch_us(from_time) AS from_us, epoch_us(to_time) AS to_us,"
        f" kafka_offset FROM {table_at(FEED_EVENTS, snapshot_id)}"
        " WHERE symbol IS NULL AND kind IN ('connected', 'disconnected', 'gap')"
        " AND to_time >= make_timestamptz(?::BIGINT) AND kafka_offset > ?"
        " ORDER BY kafka_offset",
        (since, offset),
    )


def updates(part: str, conditions: str = "conditions") -> str:
    """An expression: whether a trade updates that part of a bar; unknown codes and none do."""
    codes = {"open_close": NOT_OPEN_CLOSE, "high_low": NOT_HIGH_LOW, "volume": NOT_VOLUME}[part]
    listed = ", ".join(str(code) for code in codes)
    return f"NOT coalesce(list_has_any({conditions}, [{listed}]), false)"
