"""The kept snapshots of the trades as a table: what each commit did, and what names it has."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pyarrow as pa
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile, ManifestEntryStatus
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import PrimitiveType

from catalog.history import History, Kind, Snapshot

_READERS = 8

Offsets = dict[int, tuple[int, int]]
"""First and last offset of each topic partition."""


def snapshots_table(history: History, last: int | None) -> pa.Table:
    """The newest `last` ones (all without it), oldest first.

    `added_rows` is what the commit changed the number of rows by: a compaction, which writes rows
    again, adds none.
    """
    kept = history.snapshots if last is None else history.snapshots[-last:]
    return pa.table(
        {
            "snapshot_id": pa.array([s.snapshot_id for s in kept], pa.int64()),
            "committed_at": pa.array([s.committed_at for s in kept], pa.timestamp("us", "UTC")),
            "kind": pa.array([s.kind.value for s in kept], pa.string()),
            "added_rows": pa.array([net_rows(s) for s in kept], pa.int64()),
            "total_rows": pa.array([s.count("total-records") for s in kept], pa.int64()),
            "added_files": pa.array([s.count("added-data-files") for s in kept], pa.int64()),
            "total_files": pa.array([s.count("total-data-files") for s in kept], pa.int64()),
            "tags": pa.array([history.tags_of(s.snapshot_id) for s in kept], pa.list_(pa.string())),
        }
    )


def with_offsets(listed: pa.Table, trades: IcebergTable) -> pa.Table:
    """The table with the offsets that each append brought, as `topic partition:first-last`.

    They stand in the manifests, of which each snapshot takes two small requests.
    """

    def read(row: tuple[int, str]) -> str | None:
        return _show(offsets_added(trades, row[0])) if row[1] == Kind.APPEND else None

    rows = zip(listed["snapshot_id"].to_pylist(), listed["kind"].to_pylist(), strict=True)
    with ThreadPoolExecutor(_READERS) as readers:
        offsets = pa.array(list(readers.map(read, rows)), pa.string())
    return listed.add_column(listed.column_names.index("tags"), "offsets", offsets)


def symbols_added(trades: IcebergTable, snapshot_id: int) -> pa.Table:
    """The rows that a commit wrote, by symbol, most first; a compaction's are old ones."""
    rows: dict[str, int] = {}
    for file in _files_added(trades, snapshot_id):
        # Of the table partition (catalog.tables): by day and symbol.
        symbol = str(file.partition[1])
        rows[symbol] = rows.get(symbol, 0) + file.record_count
    ordered = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    return pa.table(
        {
            "symbol": pa.array([symbol for symbol, _ in ordered], pa.string()),
            "rows": pa.array([count for _, count in ordered], pa.int64()),
        }
    )


def net_rows(snapshot: Snapshot) -> int:
    """What the commit changed the number of rows by."""
    return snapshot.count("added-records") - snapshot.count("deleted-records")


def offsets_added(trades: IcebergTable, snapshot_id: int) -> Offsets | None:
    """What an append brought; None where a file's bounds do not tell whose offset is whose."""
    added: Offsets = {}
    for file in _files_added(trades, snapshot_id):
        places, offsets = (_bounds(trades, file, f"kafka_{n}") for n in ("partition", "offset"))
        if places is None or offsets is None or places[0] != places[1]:
            return None
        known = added.get(places[0], offsets)
        added[places[0]] = (min(known[0], offsets[0]), max(known[1], offsets[1]))
    return added


def _files_added(trades: IcebergTable, snapshot_id: int) -> Iterator[DataFile]:
    snapshot = trades.snapshot_by_id(snapshot_id)
    for manifest in snapshot.manifests(trades.io) if snapshot else ():
        if manifest.added_snapshot_id == snapshot_id and manifest.has_added_files():
            for entry in manifest.fetch_manifest_entry(trades.io):
                if entry.status is ManifestEntryStatus.ADDED and entry.data_file.record_count:
                    yield entry.data_file


def _bounds(trades: IcebergTable, file: DataFile, name: str) -> tuple[int, int] | None:
    column = trades.schema().find_field(name)
    kind, place = cast("PrimitiveType", column.field_type), column.field_id
    low, high = file.lower_bounds, file.upper_bounds
    if place not in low or place not in high:
        return None
    return int(from_bytes(kind, low[place])), int(from_bytes(kind, high[place]))


def _show(offsets: Offsets | None) -> str | None:
    if not offsets:
        return None
    return ", ".join(f"{place}:{low}-{high}" for place, (low, high) in sorted(offsets.items()))
