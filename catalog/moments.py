"""Moments: which snapshot of each table a user means by `live`, a snapshot id, a tag or a time.

A moment is resolved once, against `trades`; the other tables take their last snapshot not later
than its commit, so that one moment means the whole product. Nothing ever answers with another
moment silently: where expiry left a hole, the answer is an error that names the nearest survivors.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.refs import SnapshotRefType

from catalog.errors import MomentError
from catalog.schema import TRADES


@dataclass(frozen=True, slots=True)
class Moment:
    """What was asked for: exactly one field is set, or none for the newest snapshot (`live`)."""

    snapshot_id: int | None = None
    time: datetime | None = None
    tag: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether this follows the table's tip."""
        return self == LIVE

    def __str__(self) -> str:
        if self.time is not None:
            return self.time.isoformat()
        return str(self.snapshot_id or self.tag or "live")


LIVE = Moment()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot of one table, as its metadata tells it."""

    snapshot_id: int
    parent_id: int | None
    committed_at: datetime
    operation: str
    summary: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class History:
    """A table's kept snapshots, oldest first, and its tags."""

    table: str
    snapshots: tuple[Snapshot, ...]
    tags: Mapping[str, int]

    @classmethod
    def of(cls, name: str, table: IcebergTable) -> "History":
        """The history of a loaded table, in the order of its commits."""
        known = {
            snapshot.snapshot_id: Snapshot(
                snapshot.snapshot_id,
                snapshot.parent_snapshot_id,
                datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
                snapshot.summary.operation.value if snapshot.summary else "unknown",
                dict(snapshot.summary.additional_properties) if snapshot.summary else {},
            )
            for snapshot in table.metadata.snapshots
        }
        tags = {
            ref_name: ref.snapshot_id
            for ref_name, ref in table.metadata.refs.items()
            if ref.snapshot_ref_type is SnapshotRefType.TAG
        }
        order = {
            snapshot.snapshot_id: snapshot.sequence_number or 0
            for snapshot in table.metadata.snapshots
        }
        return cls(name, tuple(sorted(known.values(), key=lambda s: order[s.snapshot_id])), tags)

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
        return next((s for s in self.snapshots if s.snapshot_id == snapshot_id), None)

    def last_not_later(self, time: datetime) -> Snapshot:
        """The snapshot that was the tip at `time`; MomentError where none can tell."""
        earlier = [s for s in self.snapshots if s.committed_at <= time]
        later = next((s for s in self.snapshots if s.committed_at > time), None)
        if not earlier:
            first = self.tip if later is None else later
            began = "began" if first.parent_id is None else "is kept from"
            raise MomentError(
                f"{self.table} {began} {_show(first)}; {time.isoformat()} is before that."
                f" Nearest: {_show(first)}."
            )
        if later is not None and later.parent_id != earlier[-1].snapshot_id:
            raise MomentError(
                f"What {self.table} held at {time.isoformat()} has been expired."
                f" Nearest kept: {_show(earlier[-1])}, and {_show(later)}."
            )
        return earlier[-1]


@dataclass(frozen=True, slots=True)
class ResolvedMoment:
    """A moment with its explicit snapshot id for each table."""

    moment: Moment
    committed_at: datetime
    snapshot_ids: Mapping[str, int]


def parse_moment(text: str) -> Moment:
    """`live`, a snapshot id, an ISO 8601 time (UTC unless it says otherwise), or a tag's name."""
    text = text.strip()
    if text in {"", "live"}:
        return LIVE
    if text.isdecimal():
        return Moment(snapshot_id=int(text))
    if re.match(r"\d{4}-\d{2}-\d{2}([T ]|$)", text):
        try:
            time = datetime.fromisoformat(text)
        except ValueError as error:
            raise MomentError(
                f"{text!r} is not a time. Write it like 2026-11-20T14:30:00Z."
            ) from error
        return Moment(time=time if time.tzinfo else time.replace(tzinfo=UTC))
    return Moment(tag=text)


def resolve(moment: Moment, histories: Iterable[History], now: datetime) -> ResolvedMoment:
    """The snapshot id of every table at `moment`; `now` bounds the future.

    Raises MomentError when the moment is unknown, expired or in the future.
    """
    by_table = {history.table: history for history in histories}
    trades = by_table[TRADES.name]
    chosen = _choose(moment, trades, now)
    snapshot_ids = {
        name: (history.tip if moment.is_live else _companion(moment, history, chosen)).snapshot_id
        for name, history in by_table.items()
        if name != TRADES.name
    }
    return ResolvedMoment(
        moment, chosen.committed_at, {TRADES.name: chosen.snapshot_id, **snapshot_ids}
    )


def _choose(moment: Moment, trades: History, now: datetime) -> Snapshot:
    if moment.time is not None:
        if moment.time > now:
            raise MomentError(
                f"{moment.time.isoformat()} is in the future. Newest: {_show(trades.tip)}."
            )
        return trades.last_not_later(moment.time)
    wanted = moment.snapshot_id
    if moment.tag is not None:
        if moment.tag not in trades.tags:
            known = ", ".join(sorted(trades.tags)) or "none"
            raise MomentError(f"There is no tag {moment.tag!r}. Tags: {known}.")
        wanted = trades.tags[moment.tag]
    if wanted is None:
        return trades.tip
    found = trades.find(wanted)
    if found is None:
        raise MomentError(
            f"Snapshot {wanted} is not among the {len(trades.snapshots)} kept snapshots of trades:"
            f" it has been expired or never was. Kept: {_show(trades.snapshots[0])}"
            f" to {_show(trades.tip)}; `tapehouse snapshots` lists them."
        )
    return found


def _companion(moment: Moment, history: History, chosen: Snapshot) -> Snapshot:
    if moment.tag is not None and moment.tag in history.tags:
        tagged = history.find(history.tags[moment.tag])
        if tagged is not None:
            return tagged
    return history.last_not_later(chosen.committed_at)


def _show(snapshot: Snapshot) -> str:
    return f"{snapshot.snapshot_id} ({snapshot.committed_at.isoformat(timespec='milliseconds')})"
