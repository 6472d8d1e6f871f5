"""Expiry: snapshots leave a table's metadata, often; their files are left to `streaming.garbage`.

The ladder (`catalog.retention`) says which. `trades` goes first: the other tables keep what its
kept moments need of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.logs import get_logger
from catalog.retention import Kept, Rung, expired, expired_beside
from catalog.schema import TRADES, Table
from streaming.garbage import Register
from streaming.written import QUERY_ID

log = get_logger("streaming.expiry")

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshots:
    """A table's snapshots and what names them, from its metadata."""

    history: tuple[Kept, ...]
    referenced: frozenset[int]
    streams_newest: int | None
    manifest_lists: Mapping[int, str]
    # When the first reference that has an end ends.
    first_end_ms: int | None

    @classmethod
    def of(cls, metadata: Metadata) -> "Snapshots":
        """From metadata as the specification writes it."""
        found = sorted(metadata["snapshots"], key=lambda one: one.get("sequence-number", 0))
        by_id = {one["snapshot-id"]: one for one in found}
        references = metadata["refs"].values()
        ends = (
            by_id[one["snapshot-id"]]["timestamp-ms"] + one["max-ref-age-ms"]
            for one in references
            if one.get("max-ref-age-ms") and one["snapshot-id"] in by_id
        )
        return cls(
            tuple(Kept(one["snapshot-id"], one["timestamp-ms"]) for one in found),
            frozenset(one["snapshot-id"] for one in references),
            _streams_newest(by_id, metadata.get("current-snapshot-id")),
            {one["snapshot-id"]: one["manifest-list"] for one in found},
            min(ends, default=None),
        )

    def due(
        self, table: Table, rungs: Sequence[Rung], moments_ms: Iterable[int], now_ms: int
    ) -> list[int]:
        """The snapshots that may go; `moments_ms` are the commits of the kept ones of `trades`."""
        if table is TRADES:
            return expired(self.history, self.referenced, self.streams_newest, now_ms, rungs)
        return expired_beside(self.history, self.referenced, moments_ms, now_ms, rungs)

    def has_ended(self, now_ms: int) -> bool:
        """Whether a tag's time is over."""
        return self.first_end_ms is not None and self.first_end_ms <= now_ms


def expire(
    java_table: Any,
    snapshots: Snapshots,
    due: Sequence[int],
    register: Register,
    now_ms: int,
) -> dict[str, int] | None:
    """Take the snapshots, and references whose time is over, out of the metadata.

    What they consist of is registered first: killed between the two, the register names snapshots
    that are still there, which whoever reads it must look for anyway.
    """
    if not due and not snapshots.has_ended(now_ms):
        return None
    register.add(now_ms, [snapshots.manifest_lists[snapshot_id] for snapshot_id in due])
    log.debug("act_commits", table=java_table.name(), act="expire")
    # Of no age by itself: the ladder alone decides.
    action = java_table.expireSnapshots().expireOlderThan(0).cleanExpiredFiles(False)
    for snapshot_id in due:
        action = action.expireSnapshotId(snapshot_id)
    action.commit()
    return {"snapshots": len(due), "left": len(snapshots.history) - len(due)} if due else None


def _streams_newest(by_id: Mapping[int, Metadata], tip: int | None) -> int | None:
    """The newest snapshot that bears a streaming sink's mark, from the tip back to a hole."""
    snapshot = by_id.get(tip) if tip is not None else None
    while snapshot is not None:
        if QUERY_ID in snapshot.get("summary", {}):
            return int(snapshot["snapshot-id"])
        snapshot = by_id.get(snapshot.get("parent-snapshot-id", -1))
    return None
