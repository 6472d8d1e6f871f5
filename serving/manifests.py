"""What the manifests of `trades` tell without opening a data file: which files, and their bounds.

Asking only the manifests written since a known snapshot finds the files with new rows in a time
that depends on what is new, not on how long the table has lived. All of it is for tables that are
only ever appended to and compacted: where there is a delete file, or a file without bounds, the
answer is None and the caller asks the table itself.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self, cast

import pyarrow as pa
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile, ManifestContent, ManifestFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import PrimitiveType

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
    """A data file and the extent of its rows."""

    path: str
    extent: Extent

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
        return cls(file.file_path, extent)


@dataclass(slots=True)
class Bounds:
    """Times in microseconds; `positions` is the last offset of each topic partition."""

    positions: dict[int, int] = field(default_factory=dict)
    event_times: dict[str, tuple[int, int]] = field(default_factory=dict)
    received_to: int | None = None

    @classmethod
    def of(cls, extents: Iterable[Extent]) -> Self:
        """The bounds of all of them together."""
        bounds = cls()
        for one in extents:
            before = bounds.positions.get(one.kafka_partition, -1)
            bounds.positions[one.kafka_partition] = max(before, one.kafka_offset)
            oldest, newest = bounds.event_times.get(one.symbol, (one.oldest, one.newest))
            bounds.event_times[one.symbol] = (min(oldest, one.oldest), max(newest, one.newest))
            bounds.received_to = max(bounds.received_to or one.received_to, one.received_to)
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


def extents_of(answer: pa.Table) -> list[Extent]:
    """The extents as `queries.select_bounds` answers them."""
    names = ("symbol", "kafka_partition", "kafka_offset", "oldest_us", "newest_us", "received_us")
    return [Extent(*(row[name] for name in names)) for row in answer.to_pylist()]


def _data_files(table: IcebergTable, manifests: Sequence[ManifestFile]) -> list[DataFile]:
    def read(manifest: ManifestFile) -> list[DataFile]:
        return [entry.data_file for entry in manifest.fetch_manifest_entry(table.io)]

    with ThreadPoolExecutor(_READERS) as readers:
        return [file for files in readers.map(read, manifests) for file in files]


def _bound(schema: Schema, bounds: dict[int, bytes], name: str) -> int:
    column = schema.find_field(name)
    return int(from_bytes(cast("PrimitiveType", column.field_type), bounds[column.field_id]))
