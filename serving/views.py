"""The plain names of SQL: our tables, bars and the latest trades, each a view at one moment.

Bars here are those of `serving.bars`, by the same text. The tables may also be named in full, as
`lake.market.trades`, with Iceberg's own `AT (VERSION => ...)`.
"""

import re
from collections.abc import Mapping

from catalog.schema import TABLES, TRADES
from serving.bars import Interval, select_shown_bars
from serving.queries import Query, select_trades, table_at

BARS = {"bars_1m": Interval.M1, "bars_1h": Interval.H1, "bars_1d": Interval.D1}
LATEST = "latest"
NAMES = (*(table.name for table in TABLES), *BARS, LATEST)


def plain_names(text: str, snapshot_ids: Mapping[str, int]) -> list[Query]:
    """Temporary views that let `text` say `trades` for the table at its snapshot, and so on.

    Only for names that the text may use plainly, not as `lake.market.trades`: making a view asks
    the catalog. A table without an id is read at its newest snapshot.
    """
    words = set(re.findall(r"(?<![\w.])\w+", text.lower()))
    return [
        Query(f"CREATE OR REPLACE TEMP VIEW {name} AS {select_view(name, snapshot_ids)}")
        for name in NAMES
        if name in words
    ]


def select_view(name: str, snapshot_ids: Mapping[str, int]) -> str:
    """The SELECT behind one of `NAMES`; tables without an id are read at their newest snapshot."""
    trades = table_at(TRADES, snapshot_ids.get(TRADES.name))
    if name in BARS:
        return select_shown_bars(select_trades(trades), BARS[name]).text
    if name == LATEST:
        return _select_latest(trades)
    (table,) = (table for table in TABLES if table.name == name)
    return f"SELECT * FROM {table_at(table, snapshot_ids.get(name))}"


def _select_latest(trades: str) -> str:
    """Each symbol's last trade by event time, ties broken as a bar's close breaks them."""
    key = "{'t': event_time, 'p': kafka_partition, 'o': kafka_offset}"
    # The symbol is that of the group, so that a condition on it reaches the files.
    columns = ", ".join(
        name if name == "symbol" else f"newest.{name} AS {name}" for name in TRADES.column_names
    )
    return (
        f"SELECT {columns} FROM (SELECT symbol, arg_max(trade, {key}) AS newest"
        f" FROM (SELECT * FROM {trades}) AS trade GROUP BY symbol)"
    )
