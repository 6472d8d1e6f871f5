"""The SQL of a difference between two snapshots of `trades`: counts, bars and trades.

A is the earlier snapshot, B the later. The stream commits each topic partition's messages in the
order of their offsets and without a hole, so a snapshot holds, of each topic partition, the trades
up to some offset; compaction moves rows and changes none. The trades that B has and A has not are
then those beyond A's last offset in each topic partition, wherever in B's files they lie. The same
holds within any part of the trades, such as one symbol's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.schema import TRADES
from serving.bars import Interval, select_bars, vwap_in_sql
from serving.manifests import TradesFile
from serving.queries import BAR_COLUMNS, Query

SHOWN = ("open", "high", "low", "close", "volume", "trade_value", "vwap", "trade_count")


@dataclass(frozen=True, slots=True)
class Change:
    """Texts that stand in a FROM clause, with all columns of `trades`.

    `removed` is None where nothing was: a table that was only appended to and compacted.
    """

    added: str
    removed: str | None = None


def beyond_in(source: str, condition: str) -> str:
    """The rows of `source` (`queries.table_at`, `in_files`) of which the condition holds."""
    return f"(SELECT * FROM {source} WHERE {condition})"


def only_in(one: str, other: str) -> str:
    """The rows of one table whose (topic partition, offset) the other lacks; both are read whole.

    A row that was changed in place is in both.
    """
    return (
        f"(SELECT one.* FROM (SELECT * FROM {one}) AS one"
        f" ANTI JOIN (SELECT kafka_partition, kafka_offset FROM {other}) AS other"
        " USING (kafka_partition, kafka_offset))"
    )


def nothing_of(source: str) -> str:
    """No row, with the columns of the source."""
    return f"(SELECT * FROM {source} LIMIT 0)"


def select_counts(source: str) -> Query:
    """How many rows there are of each symbol."""
    return Query(f"SELECT symbol, count(*) AS trades FROM {source} GROUP BY symbol")


def select_trades_changed(change: Change, symbol: str | None) -> Query:
    """The trades added (and removed), in the order of their offsets."""
    columns = ", ".join(TRADES.column_names)
    texts = [f"SELECT 'added' AS change, {columns} FROM {change.added}"]
    if change.removed is not None:
        texts.append(f"SELECT 'removed' AS change, {columns} FROM {change.removed}")
    where, parameters = _of(symbol)
    return Query(
        f"SELECT * FROM ({' UNION ALL '.join(texts)}){where}"
        " ORDER BY kafka_partition, kafka_offset",
        parameters,
    )


def select_bars_changed(change: Change, held: str, interval: Interval, symbol: str | None) -> Query:
    """Bars whose values differ, with the old values and the new; null where there is no bar.

    `held` are rows of A: at least all those of a bar that a change touches.
    """
    where, parameters = _of(symbol)
    start = interval.start_in_sql("event_us")
    touching, remaining = "FROM added", "FROM old_trade"
    removed = ""
    if change.removed is not None:
        removed = f"removed AS MATERIALIZED (SELECT {BAR_COLUMNS} FROM {change.removed}{where}),"
        touching = "FROM added UNION ALL FROM removed"
        remaining += " ANTI JOIN removed USING (kafka_partition, kafka_offset)"
    old = select_bars(Query("FROM old_trade"), interval).text
    new = select_bars(Query(f"{remaining} UNION ALL FROM added"), interval).text
    differs = " OR ".join(f"old.{name} IS DISTINCT FROM new.{name}" for name in SHOWN)
    values = ", ".join(f"old.{name} AS old_{name}, new.{name} AS new_{name}" for name in SHOWN)
    return Query(
        f"""
        WITH added AS MATERIALIZED (SELECT {BAR_COLUMNS} FROM {change.added}{where}),
        {removed}
        touched AS (SELECT DISTINCT symbol, {start} AS bar_start FROM ({touching})),
        old_trade AS MATERIALIZED (
            SELECT trade.* FROM (SELECT {BAR_COLUMNS} FROM {held}{where}) AS trade
            SEMI JOIN touched ON touched.symbol = trade.symbol AND touched.bar_start = {start}
        ),
        old AS (SELECT *, {vwap_in_sql()} AS vwap FROM ({old})),
        new AS (SELECT *, {vwap_in_sql()} AS vwap FROM ({new}))
        SELECT symbol, make_timestamptz(bar_start) AS bar_start, {values}
        FROM old FULL JOIN new USING (symbol, bar_start)
        WHERE {differs}
        ORDER BY symbol, bar_start
        """,
        parameters * (2 if change.removed is None else 3),
    )


def files_beyond(files: Iterable[TradesFile], positions: dict[int, int]) -> list[TradesFile]:
    """Those that may hold rows beyond the last offset of each topic partition."""
    return [
        file
        for file in files
        if file.extent.kafka_offset > positions.get(file.extent.kafka_partition, -1)
    ]


def files_of_bars(
    files: Iterable[TradesFile], added: Sequence[TradesFile], interval: Interval
) -> list[TradesFile]:
    """Those that may hold trades of a bar that a trade in `added` touches."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for file in added:
        first = interval.start_of(file.extent.oldest)
        past = interval.start_of(file.extent.newest) + interval.microseconds
        spans.setdefault(file.extent.symbol, []).append((first, past))
    merged = {symbol: _merged(spans_of_it) for symbol, spans_of_it in spans.items()}
    return [
        file
        for file in files
        if any(
            file.extent.newest >= first and file.extent.oldest < past
            for first, past in merged.get(file.extent.symbol, ())
        )
    ]


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, past in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(past, merged[-1][1]))
        else:
            merged.append((first, past))
    return merged


def _of(symbol: str | None) -> tuple[str, tuple[object, ...]]:
    return ("", ()) if symbol is None else (" WHERE symbol = ?", (symbol,))
