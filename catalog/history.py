"""What a table's metadata tells of its past: the snapshots that are kept, in order, and its tags.

Commit times come from the writers' clocks, and Iceberg allows a later commit to carry an earlier
time. So a snapshot's place is its place in the order of commits, and it counts as committed no
earlier than the ones before it: then every time has one answer.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from itertools import accumulate

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.refs import SnapshotRefType

from catalog.errors import MomentError


class Kind(StrEnum):
    """What a commit did to the rows: new ones, the same in other files, or a change of old ones."""

    APPEND = "append"
    COMPACTION = "compaction"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot of one table, as its metadata tells it."""

    snapshot_id: int
    parent_id: int | None
    committed_at: datetime
    operation: str
    summary: Mapping[str, str]

    @property
    def kind(self) -> Kind:
        """Told by the operation, which Iceberg's specification defines."""
        match self.operation:
            case "append":
                return Kind.APPEND
            case "replace":
                return Kind.COMPACTION
            case _:
                return Kind.CORRECTION

    def count(self, name: str) -> int:
        """A number of the summary, such as `added-records`; what is not said is 0."""
        return int(self.summary.get(name, 0))


@dataclass(frozen=True)
class History:
    """A table's kept snapshots, in the order of their commits, and its tags."""

    table: str
    snapshots: tuple[Snapshot, ...]
    tags: Mapping[str, int]

    @classmethod
    def of(cls, name: str, table: IcebergTable) -> "History":
        """The history of a loaded table."""
        kept = sorted(table.metadata.snapshots, key=lambda one: one.sequence_number or 0)
        snapshots = tuple(
            Snapshot(
                snapshot.snapshot_id,
                snapshot.parent_snapshot_id,
                datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
                snapshot.summary.operation.value if snapshot.summary else "unknown",
                dict(snapshot.summary.additional_properties) if snapshot.summary else {},
            )
            for snapshot in kept
        )
        tags = {
            ref_name: ref.snapshot_id
            for ref_name, ref in table.metadata.refs.items()
            if ref.snapshot_ref_type is SnapshotRefType.TAG
        }
        return cls(name, snapshots, tags)

    @property
    def tip(self) -> Snapshot:
        """The newest snapshot. Raises MomentError for a table that has none."""
        if not self.snapshots:
            raise MomentError(
                f"Table {self.table} has no snapshot yet. Has the stack been started?"
            )
        return self.snapshots[-1]

    def find(self, snapshot_id: int) -> Snapshot | None:
        """The kept snapshot of that id, if any."""
        return self._by_id.get(snapshot_id)

    def child_of(self, snapshot_id: int) -> Snapshot | None:
        """The kept snapshot that was committed right on top of that id, if any."""
        return next((s for s in self.snapshots if s.parent_id == snapshot_id), None)

    def tags_of(self, snapshot_id: int) -> list[str]:
        """The tags on a snapshot, in alphabetical order."""
        return self._tags_by_id.get(snapshot_id, [])

    def around(self, time: datetime) -> tuple[Snapshot | None, Snapshot | None]:
        """The last snapshot committed not later than `time`, and the one kept after it."""
        after = bisect_right(self._times, time)
        return (
            self.snapshots[after - 1] if after else None,
            self.snapshots[after] if after < len(self.snapshots) else None,
        )

    def at(self, time: datetime) -> Snapshot | None:
        """The snapshot that was the tip at `time`; None where the kept ones cannot tell.

        They cannot when the next one was committed on top of a snapshot that is gone.
        """
        earlier, later = self.around(time)
        if earlier is None or (later is not None and later.parent_id != earlier.snapshot_id):
            return None
        return earlier

    def show(self, snapshot: Snapshot) -> str:
        """Its id, commit time and tags, for people."""
        time = show_time(snapshot.committed_at)
        tags = self.tags_of(snapshot.snapshot_id)
        tagged = f", tag {', '.join(tags)}" if tags else ""
        return f"{snapshot.snapshot_id} ({time}{tagged})"

    @cached_property
    def _by_id(self) -> dict[int, Snapshot]:
        return {snapshot.snapshot_id: snapshot for snapshot in self.snapshots}

    @cached_property
    def _tags_by_id(self) -> dict[int, list[str]]:
        by_id: dict[int, list[str]] = {}
        for name, snapshot_id in sorted(self.tags.items()):
            by_id.setdefault(snapshot_id, []).append(name)
        return by_id

    @cached_property
    def _times(self) -> list[datetime]:
        return list(accumulate((s.committed_at for s in self.snapshots), max))


def show_time(time: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond that Iceberg keeps: 2026-11-20T14:30:00.250Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
