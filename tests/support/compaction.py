"""Compaction and expiry of a test's lake by pyiceberg, whose own public ways have no compaction."""

from typing import Any

from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import _OverwriteFiles


class _Replace(_OverwriteFiles):
    """An overwrite that calls itself what Iceberg calls a rewrite that changes no row."""

    def _summary(self, snapshot_properties: dict[str, str] | None = None) -> Summary:
        made = super()._summary(snapshot_properties or {})
        return Summary(Operation.REPLACE, **made.additional_properties)


def compact(table: Table) -> int:
    """Rewrite all rows into one file for each table partition; returns the new snapshot's id."""
    rows = table.scan(row_filter=AlwaysTrue()).to_arrow()
    rows = rows.sort_by([("event_time", "ascending"), ("kafka_offset", "ascending")])
    before = [task.file for task in table.scan().plan_files()]
    with table.transaction() as transaction:
        with _Replace(Operation.OVERWRITE, transaction, table.io) as rewrite:
            for file in _dataframe_to_data_files(table.metadata, rows, table.io):
                rewrite.append_data_file(file)
            for file in before:
                rewrite.delete_data_file(file)
        return rewrite.snapshot_id


def expire(table: Table, *snapshot_ids: int) -> None:
    """Drop these snapshots, as care does."""
    expiry: Any = table.maintenance.expire_snapshots()
    expiry.by_ids(list(snapshot_ids)).commit()
