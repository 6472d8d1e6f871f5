"""Tags: names for moments, over all tables, that keep what they name.

A tag is put on the other tables first and on `trades` last: that is its commit point, and a name
that only others carry is a stray, which the next act sweeps. Deleting goes the other way. What has
to be done is planned as values; `Tags` does it, and takes up where a killed process left off.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stamina
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table.refs import SnapshotRefType

from catalog.errors import MomentError, SettingsError
from catalog.history import History
from catalog.moments import Moment, ResolvedMoment, no_such_tag, resolve
from catalog.schema import NAMESPACE, TABLES, TRADES

RESERVED_PREFIXES = ("keep-", "eod-")
"""What care names its own tags by."""

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DATE_LIKE = re.compile(r"\d{4}-\d{1,2}(-|$)|\d{8}T")
_SHORTEST_KEEP = timedelta(minutes=1)
_LONGEST_KEEP = timedelta(days=3650)
_ATTEMPTS = 20
_SECONDS = 60.0
_CONFLICTS = (CommitFailedException, CommitStateUnknownException)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one table's tags; without a snapshot id the tag is taken away.

    `max_age_ms` counts from the snapshot's time, as Iceberg does; None is for ever.
    """

    table: str
    tag: str
    snapshot_id: int | None = None
    max_age_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag as it was made: its moment, and until when it is kept (None: for ever)."""

    name: str
    resolved: ResolvedMoment
    until: datetime | None


def check_name(name: str) -> None:
    """Raises SettingsError for a name that cannot be told from other moments, or is unsafe."""
    if not _SAFE.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be a tag: up to 64 letters, digits and . _ - are allowed, the first"
            " one a letter or a digit."
        )
    if name == "live" or name.isdecimal() or _DATE_LIKE.match(name):
        raise SettingsError(
            f"{name!r} cannot be a tag: as a moment it would mean something else. `live` is the"
            " newest snapshot, digits are a snapshot id, a date is a time."
        )
    if name == "main":
        raise SettingsError("'main' cannot be a tag: Iceberg calls the table's own branch so.")


def check_users_name(name: str) -> None:
    """As `check_name`; also refuses the names that care gives and takes away by itself."""
    check_name(name)
    if name.startswith(RESERVED_PREFIXES):
        raise SettingsError(
            f"{name!r} cannot be a tag of yours: names that begin with"
            f" {' or '.join(RESERVED_PREFIXES)} are given, and taken away, by the care of the"
            " tables."
        )


def plan_sweep(histories: Iterable[History]) -> list[Step]:
    """Take away every tag of the other tables that `trades` does not have."""
    trades, others = _split(histories)
    return [
        Step(other.table, tag)
        for other in others
        for tag in sorted(other.tags.keys() - trades.tags.keys())
    ]


def plan_tag(
    name: str,
    resolved: ResolvedMoment,
    histories: Iterable[History],
    keep: timedelta | None,
    now: datetime,
) -> list[Step]:
    """Sweep, then put the tag on the others, then on `trades`.

    `keep` counts from now, whatever the snapshots' age. Raises MomentError when the name is taken
    by another snapshot; on the same one it is renewed.
    """
    histories = tuple(histories)
    trades, others = _split(histories)
    there = trades.tags.get(name)
    if there is not None and there != resolved.snapshot_ids[trades.table]:
        snapshot = trades.find(there)
        raise MomentError(
            f"There is a tag {name!r} already, on"
            f" {trades.show(snapshot) if snapshot else there}. Choose another name, or delete that"
            " one first.",
            (there,),
        )
    sweep = [step for step in plan_sweep(histories) if step.tag != name]
    made = [
        Step(history.table, name, snapshot_id, _max_age_ms(history, snapshot_id, keep, now))
        for history in (*others, trades)
        for snapshot_id in (resolved.snapshot_ids[history.table],)
    ]
    return [*sweep, *made]


def plan_deletion(name: str, histories: Iterable[History]) -> list[Step]:
    """Take the tag off `trades`, then off the others, then sweep.

    Raises MomentError when no table has it.
    """
    histories = tuple(histories)
    trades, others = _split(histories)
    holders = [history for history in (trades, *others) if name in history.tags]
    if not holders:
        raise no_such_tag(name, trades)
    sweep = [step for step in plan_sweep(histories) if step.tag != name]
    return [*(Step(history.table, name) for history in holders), *sweep]


class Tags:
    """The tags of the lake. Only the streaming process makes and deletes any.

    `lock` is held during each act: an act of another thread that takes snapshots away has to hold
    it too, or it may take one that is just being tagged.
    """

    def __init__(
        self,
        connect: Callable[[], Catalog],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connect = connect
        self._now = now
        self.lock = threading.RLock()

    def make(self, name: str, moment: Moment, keep: timedelta | None = None) -> Tagged:
        """Name a moment. Raises MomentError or LakeError; strays are then swept by the next act."""
        check_name(name)
        _check_keep(keep)
        with self.lock:
            catalog = self._connect()
            histories = tuple(_histories(catalog))
            now = self._now()
            resolved = resolve(moment, histories, now)
            for step in plan_tag(name, resolved, histories, keep, now):
                _do(catalog, step)
        return Tagged(name, resolved, None if keep is None else now + keep)

    def delete(self, name: str) -> None:
        """Take a name away; its snapshots go with the next expiry. Raises MomentError."""
        with self.lock:
            catalog = self._connect()
            for step in plan_deletion(name, _histories(catalog)):
                _do(catalog, step)

    def sweep(self) -> list[Step]:
        """Take strays away; returns what was done."""
        with self.lock:
            catalog = self._connect()
            steps = plan_sweep(_histories(catalog))
            for step in steps:
                _do(catalog, step)
        return steps


def _histories(catalog: Catalog) -> Iterator[History]:
    for table in TABLES:
        yield History.of(table.name, catalog.load_table(table.identifier))


def _split(histories: Iterable[History]) -> tuple[History, list[History]]:
    by_table: Mapping[str, History] = {history.table: history for history in histories}
    others = [history for name, history in by_table.items() if name != TRADES.name]
    return by_table[TRADES.name], others


def _check_keep(keep: timedelta | None) -> None:
    if keep is not None and not _SHORTEST_KEEP <= keep <= _LONGEST_KEEP:
        raise SettingsError(
            f"A tag can be kept for a minute to ten years, or without an end; not for {keep}."
        )


def _max_age_ms(
    history: History, snapshot_id: int, keep: timedelta | None, now: datetime
) -> int | None:
    snapshot = history.find(snapshot_id)
    if keep is None or snapshot is None:
        return None
    age_so_far = max(now - snapshot.committed_at, timedelta())
    return (age_so_far + keep) // timedelta(milliseconds=1)


@stamina.retry(on=_CONFLICTS, attempts=_ATTEMPTS, timeout=_SECONDS, wait_initial=0.05, wait_max=2.0)
def _do(catalog: Catalog, step: Step) -> None:
    """Do a step, or nothing where it is done already, as after a commit of unknown outcome."""
    table = catalog.load_table((NAMESPACE, step.table))
    ref = table.metadata.refs.get(step.tag)
    if ref is not None and ref.snapshot_ref_type is not SnapshotRefType.TAG:
        raise MomentError(f"{step.tag!r} is a branch of {step.table}. Choose another name.")
    if step.snapshot_id is None:
        if ref is not None:
            table.manage_snapshots().remove_tag(step.tag).commit()
        return
    if ref is not None and (ref.snapshot_id, ref.max_ref_age_ms) == (
        step.snapshot_id,
        step.max_age_ms,
    ):
        return
    if table.snapshot_by_id(step.snapshot_id) is None:
        raise MomentError(
            f"Snapshot {step.snapshot_id} of {step.table} was expired while it was being tagged."
            " Try again."
        )
    table.manage_snapshots().create_tag(step.snapshot_id, step.tag, step.max_age_ms).commit()
