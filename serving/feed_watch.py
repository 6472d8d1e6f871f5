"""What happens to the feed and what it rejects, followed by the poller through two small tables."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pyiceberg.table import Table as IcebergTable

from catalog.schema import FEED_EVENTS, REJECTED, Table
from serving.bars import Interval
from serving.frames import FeedEvent
from serving.lake import Lake
from serving.queries import select_connection_events

_LOOK_BACK = 7 * Interval.D1.microseconds

Gap = tuple[int, int]
"""From when to when the feed may have sent what nobody received; in microseconds."""


@dataclass(frozen=True, slots=True)
class FeedNews:
    """`last` is the last connect or disconnect, `last_gap` the last gap, of a week.

    `gaps` are those that are new, and `rejected` counts new rows; a first look has none, since
    nobody can tell how new they are.
    """

    last: FeedEvent | None = None
    last_gap: Gap | None = None
    gaps: tuple[Gap, ...] = ()
    rejected: int = 0


class FeedWatch:
    """Remembers what was seen: each look asks the catalog for both tables, and reads what is new.

    The tables must stay the same ones; for others take another watch.
    """

    def __init__(self) -> None:
        self._known = FeedNews()
        self._snapshot_id: int | None = None
        self._offset = -1
        self._rejected: int | None = None

    def look(self, lake: Lake, load: Callable[[Table], IcebergTable], now: int) -> FeedNews | None:
        """What is new since the look before; None: nothing. `now` is in microseconds."""
        is_first = self._snapshot_id is None
        rejected = self._newly_rejected(load(REJECTED))
        events = self._new_events(lake, load(FEED_EVENTS), now - _LOOK_BACK)
        if not (events or rejected):
            return None
        known = self._known
        connections = [event for event in events if event["kind"] != "gap"]
        gaps = tuple((e["from_us"], e["to_us"]) for e in events if e["kind"] == "gap")
        self._known = FeedNews(
            _to_feed_event(connections[-1]) if connections else known.last,
            gaps[-1] if gaps else known.last_gap,
        )
        return replace(self._known, gaps=() if is_first else gaps, rejected=rejected)

    def _newly_rejected(self, table: IcebergTable) -> int:
        snapshot = table.current_snapshot()
        summary = snapshot.summary if snapshot else None
        rows = int(summary.additional_properties.get("total-records", 0)) if summary else 0
        before, self._rejected = self._rejected, rows
        return 0 if before is None else rows - before

    def _new_events(self, lake: Lake, table: IcebergTable, since: int) -> list[dict[str, Any]]:
        snapshot = table.current_snapshot()
        if snapshot is None or snapshot.snapshot_id == self._snapshot_id:
            return []
        query = select_connection_events(snapshot.snapshot_id, since, self._offset)
        events: list[dict[str, Any]] = lake.run(query).to_pylist()
        self._snapshot_id = snapshot.snapshot_id
        self._offset = max((event["kafka_offset"] for event in events), default=self._offset)
        return events


def _to_feed_event(row: dict[str, Any]) -> FeedEvent:
    return FeedEvent(row["kind"], row["detail"] or "", row["to_us"])
