"""What the `trades` table says about the stream: the sink's marks, the newest offsets.

Read from metadata and column statistics alone, so that it costs the same for a day and for a year.
"""

from collections.abc import Iterator

from pyiceberg.catalog import Catalog
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.types import IntegerType, LongType, PrimitiveType

from catalog.schema import TRADES
from streaming.checkpoint import Mark, Written
from streaming.source import Offsets

QUERY_ID = "spark.sql.streaming.queryId"
EPOCH_ID = "spark.sql.streaming.epochId"


def read_written(catalog: Catalog) -> Written:
    """The marks and newest offsets of `trades`, at its current snapshot."""
    table = catalog.load_table(TRADES.identifier)
    return Written(marks=tuple(_marks(table)), newest=_newest_offsets(table))


def _marks(table: IcebergTable) -> Iterator[Mark]:
    """The sink's own walk: from the tip through the parents, to the first that is expired."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        mark = _mark(snapshot)
        if mark:
            yield mark
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None


def _mark(snapshot: Snapshot) -> Mark | None:
    summary = snapshot.summary.additional_properties if snapshot.summary else {}
    if QUERY_ID not in summary:
        return None
    return Mark(summary[QUERY_ID], int(summary[EPOCH_ID]))


def _newest_offsets(table: IcebergTable) -> Offsets:
    place_id = table.schema().find_field("kafka_partition").field_id
    offset_id = table.schema().find_field("kafka_offset").field_id
    newest: Offsets = {}
    mixed: set[int] = set()
    for file in _data_files(table):
        lower = _bound(IntegerType(), file.lower_bounds[place_id])
        upper = _bound(IntegerType(), file.upper_bounds[place_id])
        if lower == upper:
            offset = _bound(LongType(), file.upper_bounds[offset_id])
            newest[lower] = max(newest.get(lower, -1), offset)
        else:
            mixed.update(range(lower, upper + 1))
    return _with_mixed_files(table, newest, mixed) if mixed else newest


def _bound(kind: PrimitiveType, encoded: bytes) -> int:
    return int(from_bytes(kind, encoded))


def _data_files(table: IcebergTable) -> Iterator[DataFile]:
    snapshot = table.current_snapshot()
    for manifest in snapshot.manifests(table.io) if snapshot else ():
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            if entry.data_file.record_count:
                yield entry.data_file


def _with_mixed_files(table: IcebergTable, newest: Offsets, mixed: set[int]) -> Offsets:
    """A mixed file's statistics do not tell whose offset is whose: ask its rows."""
    scan = table.scan(
        row_filter=f"kafka_offset > {min(newest.get(place, -1) for place in mixed)}",
        selected_fields=("kafka_partition", "kafka_offset"),
    )
    grouped = scan.to_arrow().group_by("kafka_partition").aggregate([("kafka_offset", "max")])
    found = {row["kafka_partition"]: row["kafka_offset_max"] for row in grouped.to_pylist()}
    return {p: max(newest.get(p, -1), found.get(p, -1)) for p in newest.keys() | found.keys()}
