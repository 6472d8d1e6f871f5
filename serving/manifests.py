"""What the manifests of `trades` tell without opening a data file: which files, and their bounds.

Asking only the manifests written since a known snapshot finds the files with new rows in a time
that depends on what is new, not on how long the table has lived. All of it is for tables that are
only ever appended to and compacted: where there is a delete file, or a file without bounds, the
answer is None and the caller asks the table itself.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self, cast

import pyarrow as pa
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile, ManifestContent, ManifestFile, PartitionFieldSummary
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import IntegerType, PrimitiveType, StringType

from catalog.errors import MomentError

_READERS = 8


@dataclass(frozen=True, slots=True)
class Extent:
    """Bounds of some rows of one symbol and one topic partition; times in microseconds."""

    symbol: str
    kafka_partition: int
    kafka_offset: int
    oldest: int
    newest: int
    received_to: int


@dataclass(frozen=True, slots=True)
class TradesFile:
    """A data file: the extent of its rows, their UTC day since the epoch, and their number."""

    path: str
    extent: Extent
    day: int
    rows: int

    @classmethod
    def of(cls, file: DataFile, schema: Schema) -> Self:
        """Raises KeyError where a bound is missing, ValueError where it mixes topic partitions."""
        low, high = file.lower_bounds, file.upper_bounds
        topic_partition = _bound(schema, high, "kafka_partition")
        # A symbol moves to another topic partition when their number is raised.
        if topic_partition != _bound(schema, low, "kafka_partition"):
            raise ValueError(file.file_path)
        extent = Extent(
            # Of the table partition (catalog.tables), because bounds of text may be cut short.
            str(file.partition[1]),
            topic_partition,
            _bound(schema, high, "kafka_offset"),
            _bound(schema, low, "event_time"),
            _bound(schema, high, "event_time"),
            _bound(schema, high, "received_at"),
        )
        return cls(file.file_path, extent, int(file.partition[0]), file.record_count)


@dataclass(slots=True)
class Bounds:
    """Times in microseconds; `positions` is the last offset of each topic partition.

    `received_to` is when the newest trade of a symbol was received.
    """

    positions: dict[int, int] = field(default_factory=dict)
    event_times: dict[str, tuple[int, int]] = field(default_factory=dict)
    received_to: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, extents: Iterable[Extent]) -> Self:
        """The bounds of all of them together."""
        bounds = cls()
        for one in extents:
            before = bounds.positions.get(one.kafka_partition, -1)
            bounds.positions[one.kafka_partition] = max(before, one.kafka_offset)
            oldest, newest = bounds.event_times.get(one.symbol, (one.oldest, one.newest))
            bounds.event_times[one.symbol] = (min(oldest, one.oldest), max(newest, one.newest))
            received = bounds.received_to.get(one.symbol, one.received_to)
            bounds.received_to[one.symbol] = max(received, one.received_to)
        return bounds


def files_since(table: IcebergTable, sequence_number: int = -1) -> list[TradesFile] | None:
    """Files of the newest snapshot in manifests written after that sequence number.

    A merged or compacted manifest lists old rows too: tell new ones by their offsets.
    """
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    if any(manifest.content is ManifestContent.DELETES for manifest in manifests):
        return None
    fresh = [one for one in manifests if (one.sequence_number or 0) > sequence_number]
    try:
        return [TradesFile.of(file, table.schema()) for file in _data_files(table, fresh)]
    except (KeyError, ValueError):
        return None


class SnapshotFiles:
    """The data files of a table's snapshots; a manifest is read once, however many share it.

    None, as for `files_since`, where manifests cannot tell; MomentError for a snapshot not kept.
    """

    def __init__(self, table: IcebergTable) -> None:
        self._table = table
        self._known: dict[str, list[TradesFile]] = {}

    def at(self, snapshot_id: int) -> list[TradesFile] | None:
        """All files of the snapshot."""
        return self._read(self._manifests(snapshot_id))

    def besides(self, snapshot_id: int, other_id: int) -> list[TradesFile] | None:
        """Files of the snapshot in manifests that the other one lacks."""
        shared = {manifest.manifest_path for manifest in self._manifests(other_id)}
        return self._read(m for m in self._manifests(snapshot_id) if m.manifest_path not in shared)

    def of_day(self, snapshot_id: int, symbol: str, day: int) -> list[TradesFile] | None:
        """Files of one table partition of the snapshot; opens no manifest that cannot list them."""
        manifests = (m for m in self._manifests(snapshot_id) if _may_list(m, symbol, day))
        files = self._read(manifests)
        if files is None:
            return None
        return [file for file in files if (file.extent.symbol, file.day) == (symbol, day)]

    def _manifests(self, snapshot_id: int) -> list[ManifestFile]:
        snapshot = self._table.snapshot_by_id(snapshot_id)
        if snapshot is None:
            raise MomentError(
                f"Snapshot {snapshot_id} of trades has been expired meanwhile. Ask again."
            )
        return snapshot.manifests(self._table.io)

    def _read(self, manifests: Iterable[ManifestFile]) -> list[TradesFile] | None:
        wanted = list(manifests)
        if any(manifest.content is ManifestContent.DELETES for manifest in wanted):
            return None
        missing = [m for m in wanted if m.manifest_path not in self._known]
        schema = self._table.schema()
        try:
            for manifest, files in zip(missing, _each_read(self._table, missing), strict=True):
                self._known[manifest.manifest_path] = [TradesFile.of(f, schema) for f in files]
        except (KeyError, ValueError):
            return None
        return [file for manifest in wanted for file in self._known[manifest.manifest_path]]


def extents_of(answer: pa.Table) -> list[Extent]:
    """The extents as `queries.select_bounds` answers them."""
    names = ("symbol", "kafka_partition", "kafka_offset", "oldest_us", "newest_us", "received_us")
    return [Extent(*(row[name] for name in names)) for row in answer.to_pylist()]


def _data_files(table: IcebergTable, manifests: Sequence[ManifestFile]) -> list[DataFile]:
    return [file for files in _each_read(table, manifests) for file in files]


def _each_read(table: IcebergTable, manifests: Sequence[ManifestFile]) -> list[list[DataFile]]:
    def read(manifest: ManifestFile) -> list[DataFile]:
        return [entry.data_file for entry in manifest.fetch_manifest_entry(table.io)]

    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(read, manifests))


def _may_list(manifest: ManifestFile, symbol: str, day: int) -> bool:
    if not manifest.partitions:
        return True
    days, symbols = manifest.partitions[:2]
    return _within(day, days, IntegerType()) and _within(symbol, symbols, StringType())


def _within(value: Any, summary: PartitionFieldSummary, kind: PrimitiveType) -> bool:
    if summary.lower_bound is None or summary.upper_bound is None:
        return True
    low, high = from_bytes(kind, summary.lower_bound), from_bytes(kind, summary.upper_bound)
    return bool(low <= value <= high)


def _bound(schema: Schema, bounds: dict[int, bytes], name: str) -> int:
    column = schema.find_field(name)
    return int(from_bytes(cast("PrimitiveType", column.field_type), bounds[column.field_id]))
