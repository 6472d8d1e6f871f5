"""Moments: which snapshot of each table a user means by `live`, a snapshot id, a tag or a time.

A moment is resolved once, against `trades`; the other tables take their last snapshot not later
than its commit, so that one moment means the whole product. Nothing ever answers with another
moment silently: where expiry left a hole, the answer is an error that names the nearest survivors.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from catalog.errors import MomentError
from catalog.history import History, Kind, Snapshot, show_time
from catalog.schema import TRADES

__all__ = [
    "LIVE",
    "History",
    "Kind",
    "Moment",
    "ResolvedMoment",
    "Snapshot",
    "no_such_tag",
    "parse_moment",
    "resolve",
]

_MOST_TAGS_SHOWN = 5
_WHERE_ALL_ARE = "`tapehouse snapshots` lists all."


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
    if text.isascii() and text.isdecimal():
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
    trades = by_table.pop(TRADES.name)
    chosen = _choose(moment, trades, by_table, now)
    ids = {TRADES.name: chosen.snapshot_id}
    for name, history in by_table.items():
        companion = history.tip if moment.is_live else _companion(moment, trades, history, chosen)
        if companion is None:
            raise _gone(
                f"{trades.show(chosen)} of trades is kept, but what {name} held then has been"
                " expired, so it is no moment of the whole any more.",
                chosen.committed_at,
                trades,
                by_table,
            )
        ids[name] = companion.snapshot_id
    return ResolvedMoment(moment, chosen.committed_at, ids)


def _choose(
    moment: Moment, trades: History, others: Mapping[str, History], now: datetime
) -> Snapshot:
    if moment.is_live:
        return trades.tip
    if moment.time is not None:
        return _at_time(moment.time, trades, others, now)
    if moment.tag is not None:
        return _tagged(moment.tag, trades)
    wanted = moment.snapshot_id or 0
    found = trades.find(wanted)
    if found is None:
        raise _unknown_id(wanted, trades, others)
    return found


def _at_time(
    time: datetime, trades: History, others: Mapping[str, History], now: datetime
) -> Snapshot:
    if time > max(now, trades.tip.committed_at):
        raise MomentError(
            f"{show_time(time)} is in the future. Newest: {trades.show(trades.tip)}.",
            (trades.tip.snapshot_id,),
        )
    found = trades.at(time)
    if found is not None:
        return found
    earlier, later = trades.around(time)
    if earlier is None and later is not None and later.parent_id is None:
        why = f"{show_time(time)} is before the first commit of trades."
    elif earlier is None:
        why = f"{show_time(time)} is before the oldest kept snapshot: it has been expired."
    else:
        why = f"What trades held at {show_time(time)} has been expired."
    raise _gone(why, time, trades, others)


def _tagged(tag: str, trades: History) -> Snapshot:
    found = trades.find(trades.tags[tag]) if tag in trades.tags else None
    if found is None:
        raise no_such_tag(tag, trades)
    return found


def no_such_tag(tag: str, trades: History) -> MomentError:
    """The error about a tag that `trades` does not have, with those of the most similar names."""
    close = get_close_matches(tag, trades.tags) or sorted(trades.tags)[-_MOST_TAGS_SHOWN:]
    shown = "; ".join(
        f"{name} ({show_time(snapshot.committed_at)})"
        for name in close
        if (snapshot := trades.find(trades.tags[name]))
    )
    return MomentError(
        f"There is no tag {tag!r}: it was never made, was deleted, or its time is over."
        + (f" Of {len(trades.tags)} tags, nearest: {shown}." if shown else " There are none.")
        + f" {_WHERE_ALL_ARE}",
        tuple(trades.tags[name] for name in close),
    )


def _unknown_id(wanted: int, trades: History, others: Mapping[str, History]) -> MomentError:
    """An id carries no time. What can be known: whose parent it was, or that it is another's."""
    for name, history in others.items():
        snapshot = history.find(wanted)
        if snapshot is not None:
            return _gone(
                f"{wanted} is a snapshot of {name}; a moment is a snapshot of trades.",
                snapshot.committed_at,
                trades,
                others,
            )
    child = trades.child_of(wanted)
    if child is not None:
        return _gone(
            f"Snapshot {wanted} has been expired; it was the one right before"
            f" {trades.show(child)}.",
            child.committed_at,
            trades,
            others,
        )
    ends = (*trades.snapshots[:1], *trades.snapshots[1:][-1:])
    return MomentError(
        f"Snapshot {wanted} is not among the {len(trades.snapshots)} kept snapshots of trades: it"
        " has been expired, or never was. An id does not tell its time, so the nearest cannot be"
        f" told. Kept: {' to '.join(trades.show(end) for end in ends)}. {_WHERE_ALL_ARE}",
        tuple(end.snapshot_id for end in ends),
    )


def _companion(
    moment: Moment, trades: History, other: History, chosen: Snapshot
) -> Snapshot | None:
    """The other table's snapshot of a chosen one of trades; None where it has been expired."""
    if moment.tag is not None and moment.tag in other.tags:
        return other.find(other.tags[moment.tag])
    found = other.at(chosen.committed_at)
    if found is not None:
        return found
    # A tag keeps what was the last one then, also where its neighbours are gone.
    tags = trades.tags_of(chosen.snapshot_id)
    tagged = (other.find(other.tags[tag]) for tag in tags if tag in other.tags)
    return next((s for s in tagged if s and s.committed_at <= chosen.committed_at), None)


def _gone(why: str, time: datetime, trades: History, others: Mapping[str, History]) -> MomentError:
    """With the nearest moments on both sides of `time` that every table still has."""
    whole = [
        snapshot
        for snapshot in trades.snapshots
        if all(_has_whole(snapshot, trades, history) for history in others.values())
    ]
    earlier = [snapshot for snapshot in whole if snapshot.committed_at <= time][-1:]
    later = [snapshot for snapshot in whole if snapshot.committed_at > time][:1]
    near = (*earlier, *later)
    offered = ", and ".join(trades.show(snapshot) for snapshot in near)
    return MomentError(
        f"{why} Nearest kept: {offered or 'none'}. {_WHERE_ALL_ARE}",
        tuple(snapshot.snapshot_id for snapshot in near),
    )


def _has_whole(snapshot: Snapshot, trades: History, other: History) -> bool:
    tags = trades.tags_of(snapshot.snapshot_id)
    moments = (Moment(snapshot_id=snapshot.snapshot_id), *(Moment(tag=tag) for tag in tags))
    return any(_companion(moment, trades, other, snapshot) for moment in moments)
