"""Thinning of the tables: days' ends tagged, snapshots expired, their files deleted, orphans."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pyiceberg.io import FileIO
from pyspark.sql import SparkSession

from catalog.errors import MomentError
from catalog.logs import get_logger
from catalog.moments import Moment
from catalog.retention import Rung
from catalog.schema import TABLES, TRADES, Table
from catalog.tags import Tags
from streaming import jvm_tables
from streaming.acts import Act, Report
from streaming.data_files import symbols_on
from streaming.day_ends import ends_due, tag_of
from streaming.expiry import Snapshots, expire
from streaming.garbage import GRACE_MS, Register, Walk
from streaming.session import CATALOG

_SYMBOLS_EVERY = timedelta(minutes=10)
_SWEEP_EVERY = timedelta(hours=1)
_ORPHANS_EVERY = timedelta(days=7)
# Whoever writes a file commits it within minutes; a job that hangs, or a clock that is wrong, has
# three days.
_ORPHANS_OLDER_THAN = timedelta(days=3)
_SHOWN = 3

log = get_logger("streaming.thinning")

Now = Callable[[], datetime]


class Thinner:
    """Plans what becomes of the tables' past; `folder` keeps what must outlive the process."""

    def __init__(
        self,
        session: SparkSession,
        io: FileIO,
        tags: Tags,
        rungs: Sequence[Rung],
        folder: Path,
        pause: Callable[[], None],
        now: Now,
    ) -> None:
        self._session = session
        self._tags = tags
        self._symbols: dict[date, tuple[datetime, frozenset[str]]] = {}
        self._rungs = rungs
        self._now = now
        self._keep_days = timedelta(milliseconds=sum(rung.for_ms for rung in rungs))
        self._registers = {t: Register(folder / f"{t.name}.expired.jsonl") for t in TABLES}
        self._walks = {table: Walk(io, pause) for table in TABLES}
        self._untaggable: set[str] = set()
        self._swept_at: dict[Table, datetime] = {}
        self._sought = Times(folder / "orphans.json", now)
        self._orphans: dict[Table, list[str]] = {}

    def acts(self) -> Iterator[Act]:
        """What is due, in the order in which it has to be done."""
        yield from self._tag_days()
        # The others keep what the moments that are left of `trades` need.
        for table in sorted(TABLES, key=lambda table: table is not TRADES):
            snapshots = self._snapshots(table)
            due = self._due(table, snapshots)
            if due or snapshots.has_ended(self._now_ms()):
                yield Act(table, "expire", {"snapshots": len(due)}, partial(self._expire, table))
        for table in TABLES:
            yield from self._sweep(table)
        for table in TABLES:
            yield from self._seek_orphans(table)

    def _tag_days(self) -> Iterator[Act]:
        metadata = self._metadata(TRADES)
        history = Snapshots.of(metadata).history
        done = metadata["refs"].keys() | self._untaggable
        for day, due in ends_due(self._symbols_on, done, self._now()):
            tag = tag_of(day)
            began_ms = datetime.combine(day, time(), UTC).timestamp() * 1000
            due_ms = due.timestamp() * 1000
            # What came later only, from a recording or after a long pause, no tag can show.
            if any(began_ms <= one.committed_ms <= due_ms for one in history):
                yield Act(TRADES, "tag", {"tag": tag}, partial(self._tag, tag, due))

    def _tag(self, tag: str, due: datetime) -> Report:
        try:
            made = self._tags.make(tag, Moment(time=due), self._keep_days)
        except MomentError:
            # Expired while nobody tagged it: said once, for no later round can mend it.
            self._untaggable.add(tag)
            raise
        return {"tag": tag, "snapshot_id": made.resolved.snapshot_ids[TRADES.name]}

    def _symbols_on(self, day: date) -> frozenset[str]:
        known = self._symbols.get(day)
        if known is None or self._now() - known[0] > _SYMBOLS_EVERY:
            jvm = jvm_tables.gateway(self._session)
            java_table = jvm_tables.load(self._session, TRADES)
            known = (self._now(), symbols_on(jvm, java_table, TRADES, day))
            self._symbols[day] = known
        return known[1]

    def _expire(self, table: Table) -> Report | None:
        # A snapshot that is just being tagged must not go.
        with self._tags.lock:
            java_table = jvm_tables.load(self._session, table)
            snapshots = Snapshots.of(jvm_tables.metadata(self._session, java_table))
            due = self._due(table, snapshots)
            register = self._registers[table]
            return expire(java_table, snapshots, due, register, self._now_ms())

    def _due(self, table: Table, snapshots: Snapshots) -> list[int]:
        moments_ms: Sequence[int] = ()
        if table is not TRADES:
            moments_ms = [one.committed_ms for one in self._snapshots(TRADES).history]
        return snapshots.due(table, self._rungs, moments_ms, self._now_ms())

    def _sweep(self, table: Table) -> Iterator[Act]:
        swept_at = self._swept_at.get(table)
        if swept_at is not None and self._now() - swept_at < _SWEEP_EVERY:
            return
        until_ms = self._now_ms() - GRACE_MS
        due = sum(1 for one in self._registers[table].read() if one.at_ms <= until_ms)
        if due:
            yield Act(table, "delete files", {"snapshots": due}, partial(self._delete, table))

    def _delete(self, table: Table) -> Report:
        self._swept_at[table] = self._now()
        register = self._registers[table]
        # Read before the metadata: whatever is noted later may be in it still.
        gone = register.read()
        java_table = jvm_tables.load(self._session, table)
        kept = Snapshots.of(jvm_tables.metadata(self._session, java_table)).manifest_lists.values()
        garbage = self._walks[table].find(gone, kept, self._now_ms())
        log.debug("act_commits", table=table.name, act="delete files")
        jvm_tables.delete_files(self._session, java_table, garbage.in_order())
        register.strike_out(garbage.gone)
        return {
            "snapshots": len(garbage.gone),
            "files_in": len(garbage.in_order()),
            "files_out": 0,
            "data_files": len(garbage.data_files),
        }

    def _seek_orphans(self, table: Table) -> Iterator[Act]:
        found = self._orphans.get(table)
        if found is not None:
            # Told of in the round before; only those are removed.
            would = {"files_in": len(found)}
            yield Act(table, "remove orphans", would, partial(self._remove_orphans, table, found))
        elif self._now() - self._sought.read(table) >= _ORPHANS_EVERY:
            yield Act(table, "find orphans", {}, partial(self._find_orphans, table))

    def _find_orphans(self, table: Table) -> Report:
        older_than = self._now().astimezone(UTC) - _ORPHANS_OLDER_THAN
        found = self._session.sql(
            f"CALL {CATALOG}.system.remove_orphan_files("
            f"table => '{CATALOG}.{table.identifier}',"
            f" older_than => TIMESTAMP '{older_than:%Y-%m-%d %H:%M:%S}', dry_run => true,"
            " prefix_listing => true)"
        ).collect()
        # What was just expired is the register's, and has its hour.
        registered = self._walks[table].reachable(self._registers[table].read())
        locations = [row[0] for row in found if row[0] not in registered]
        self._orphans[table] = locations
        return {"orphans": len(locations), "such_as": locations[:_SHOWN]}

    def _remove_orphans(self, table: Table, locations: list[str]) -> Report | None:
        java_table = jvm_tables.load(self._session, table)
        jvm_tables.delete_files(self._session, java_table, locations)
        del self._orphans[table]
        self._sought.write(table)
        return {"files_in": len(locations), "files_out": 0} if locations else None

    def _metadata(self, table: Table) -> dict[str, Any]:
        return jvm_tables.metadata(self._session, jvm_tables.load(self._session, table))

    def _snapshots(self, table: Table) -> Snapshots:
        return Snapshots.of(self._metadata(table))

    def _now_ms(self) -> int:
        return int(self._now().timestamp() * 1000)


class Times:
    """When something was last done to each table; the first start counts."""

    def __init__(self, path: Path, now: Now) -> None:
        self._path = path
        self._now = now

    def read(self, table: Table) -> datetime:
        """The time; now where there is none yet."""
        noted = self._noted().get(table.name)
        return datetime.fromisoformat(noted) if noted else self.write(table)

    def write(self, table: Table) -> datetime:
        """It was done now."""
        now = self._now()
        fresh = self._path.with_suffix(".new")
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps({**self._noted(), table.name: now.isoformat()}))
        fresh.replace(self._path)
        return now

    def _noted(self) -> Mapping[str, str]:
        try:
            noted: dict[str, str] = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return noted
