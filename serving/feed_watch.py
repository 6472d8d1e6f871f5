"""What happens to the feed and what it rejects, followed by the poller through two small tables."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyiceberg.table import Table as IcebergTable

from catalog.schema import FEED_EVENTS, REJECTED, Table
from serving.bars import Interval
from serving.frames import FeedEvent, Gap
from serving.lake import Lake
from serving.queries import select_connection_events

FEED_LOOK_BACK = 7 * Interval.D1.microseconds


@dataclass(frozen=True, slots=True)
class FeedNews:
    """`last` is the last connect or disconnect, `all_gaps` are the gaps, of a week.

    `gaps` are those that are new, and `rejected` counts new rows; a first look has none, since
    nobody can tell how new they are.
    """

    last: FeedEvent | None = None
    all_gaps: tuple[Gap, ...] = ()
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
        is_first, since = self._snapshot_id is None, now - FEED_LOOK_BACK
        rejected = self._newly_rejected(load(REJECTED))
        events = self._new_events(lake, load(FEED_EVENTS), since)
        if not (events or rejected):
            return None
        last, gaps = told_by(events)
        kept = (gap for gap in self._known.all_gaps if gap[1] >= since)
        self._known = FeedNews(last or self._known.last, (*kept, *gaps))
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


def told_by(events: Iterable[Mapping[str, Any]]) -> tuple[FeedEvent | None, tuple[Gap, ...]]:
    """What `queries.select_connection_events` answers: the last connect or disconnect, and gaps."""
    last, gaps = None, []
    for event in events:
        if event["kind"] == "gap":
            gaps.append((event["from_us"], event["to_us"]))
        else:
            last = FeedEvent(event["kind"], event["detail"] or "", event["to_us"])
    return last, tuple(gaps)
