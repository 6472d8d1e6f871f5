"""Where a snapshot of `trades` begins and ends, from its manifests alone: no data file is read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import pyarrow as pa
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import PrimitiveType


@dataclass(slots=True)
class Bounds:
    """Times in microseconds; `positions` is the last offset of each topic partition."""

    positions: dict[int, int] = field(default_factory=dict)
    event_times: dict[str, tuple[int, int]] = field(default_factory=dict)
    received_to: int | None = None

    def add(
        self,
        symbol: str,
        partition: int,
        offset: int,
        oldest: int,
        newest: int,
        received: int,
    ) -> None:
        """Widen the bounds by some rows of one symbol and one topic partition."""
        self.positions[partition] = max(self.positions.get(partition, -1), offset)
        known = self.event_times.get(symbol, (oldest, newest))
        self.event_times[symbol] = (min(known[0], oldest), max(known[1], newest))
        self.received_to = max(self.received_to or received, received)


def of_manifests(table: IcebergTable, snapshot_id: int) -> Bounds | None:
    """The bounds by the files' statistics; None where they cannot tell."""
    bounds = Bounds()
    tasks = table.scan(snapshot_id=snapshot_id).plan_files()
    return bounds if _add_files(bounds, table.schema(), (task.file for task in tasks)) else None


def of_rows(answer: pa.Table) -> Bounds:
    """The bounds as `queries.select_bounds` answers them."""
    bounds = Bounds()
    for row in answer.to_pylist():
        bounds.add(*(row[name] for name in _ROW))
    return bounds


_ROW = ("symbol", "kafka_partition", "kafka_offset", "oldest_us", "newest_us", "received_us")


def _add_files(bounds: Bounds, schema: Schema, files: Iterable[DataFile]) -> bool:
    for file in files:
        try:
            low = {name: _bound(schema, file.lower_bounds, name) for name in _LOW}
            high = {name: _bound(schema, file.upper_bounds, name) for name in _HIGH}
        except KeyError:
            return False
        # A symbol moves to another topic partition when their number is raised.
        if low["kafka_partition"] != high["kafka_partition"]:
            return False
        # The second field of the table partition (catalog.tables): bounds of text may be cut short.
        bounds.add(
            str(file.partition[1]),
            high["kafka_partition"],
            high["kafka_offset"],
            low["event_time"],
            high["event_time"],
            high["received_at"],
        )
    return True


_LOW = ("event_time", "kafka_partition")
_HIGH = ("event_time", "received_at", "kafka_partition", "kafka_offset")


def _bound(schema: Schema, bounds: dict[int, bytes], name: str) -> int:
    column = schema.find_field(name)
    return int(from_bytes(cast("PrimitiveType", column.field_type), bounds[column.field_id]))
