"""Questions to the lake, for the command line.

A module of its own because DuckDB and PyIceberg are heavy and most commands do without them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from catalog.moments import parse_moment
from infra.connections import lake_settings
from infra.home import Home
from serving import Lake


class Answer(NamedTuple):
    """Rows under their columns' names."""

    names: Sequence[str]
    rows: Sequence[Sequence[object]]


def ask(
    home: Home, query: str, as_of: str | None = None, parameters: Sequence[object] = ()
) -> Answer:
    """Answer one SELECT, now or as of a moment. Raises QueryError, MomentError, LakeError."""
    moment = parse_moment(as_of) if as_of else None
    with Lake.open(lake_settings(home)) as lake:
        table = lake.sql(query, moment, parameters)
    columns = [column.to_pylist() for column in table.columns]
    return Answer(table.column_names, list(zip(*columns, strict=True)))


def list_snapshots(home: Home) -> Answer:
    """The kept snapshots of the trades, oldest first."""
    with Lake.open(lake_settings(home)) as lake:
        kept = lake.snapshots()
    return Answer(
        ("snapshot_id", "committed_at", "operation", "added_rows", "total_rows"),
        [
            (
                snapshot.snapshot_id,
                snapshot.committed_at,
                snapshot.operation,
                int(snapshot.summary.get("added-records", 0)),
                int(snapshot.summary.get("total-records", 0)),
            )
            for snapshot in kept
        ],
    )
