"""First care of the tables, in the streaming process: compact small files, expire old snapshots.

One thread, one act at a time, in its own scheduler pool, so that the stream comes first. What fails
is logged and shown by the keeper; the stream never stops for it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from pyiceberg.io import FileIO
from pyspark.sql import SparkSession

from catalog.logs import get_logger
from catalog.schema import TABLES, TRADES, Table
from streaming import folding, jvm_tables
from streaming.care_plan import (
    TARGET_BYTES,
    TIERS,
    Compaction,
    Pile,
    expire_before,
    plan,
    tier_bound,
    totals,
)
from streaming.keeper import Board
from streaming.session import CATALOG
from streaming.settings import StreamingSettings

_TAG = "care"
_JOIN_SECONDS = 5
_MANIFESTS_SECONDS = 3600
_MANIFESTS_WORTH_REWRITING = 10
# Files that folding made are few: Spark need not look at them every time.
_TURNS_BETWEEN_PLANS = 5

log = get_logger("streaming.care")

Report = dict[str, Any]


@contextmanager
def caring(
    session: SparkSession,
    io: FileIO,
    settings: StreamingSettings,
    board: Board,
    stop: threading.Event,
) -> Iterator[None]:
    """Look after the tables every `care_seconds` until `stop`; the block's end waits for the end.

    An act under way is broken off: its files are swept up as orphans, the table never sees them.
    """
    care = Care(session, io, timedelta(minutes=settings.snapshot_minutes), board, stop)
    ticks = threading.Thread(
        target=_tick, args=(care, settings.care_seconds, stop), name="care", daemon=True
    )
    ticks.start()
    try:
        yield
    finally:
        stop.set()
        session.sparkContext.cancelJobsWithTag(_TAG)
        ticks.join(_JOIN_SECONDS)


def _tick(care: "Care", seconds: float, stop: threading.Event) -> None:
    # Linux keeps this for each thread: what care does in Python waits for whoever has work to do.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    while not stop.wait(seconds):
        for table in TABLES:
            care.look_after(table)


class Care:
    """The acts of care; each is reported to the board and none raises."""

    def __init__(
        self,
        session: SparkSession,
        io: FileIO,
        keep: timedelta,
        board: Board,
        stop: threading.Event,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session = session
        self._io = io
        self._keep = keep
        self._board = board
        self._stop = stop
        self._now = now
        self._totals: dict[str, dict[date, tuple[int, int]]] = {}
        self._turns = dict.fromkeys(TABLES, 0)
        self._manifests_due = dict.fromkeys(TABLES, time.monotonic() + _MANIFESTS_SECONDS)

    def look_after(self, table: Table) -> None:
        """Compact, rewrite manifests, expire: in this order, for expiry drops what they replace."""
        context = self._session.sparkContext
        context.setLocalProperty("spark.scheduler.pool", "care")
        context.addJobTag(_TAG)
        jvm_tables.activate(self._session)
        self._attempt(table, "fold", lambda: self._fold(table))
        if self._turns[table] % _TURNS_BETWEEN_PLANS == 0:
            for compaction in self._attempt(table, "plan", lambda: self._plan(table)) or ():
                self._attempt(table, "compact", partial(self._compact, table, compaction))
        self._turns[table] += 1
        self._attempt(table, "rewrite manifests", lambda: self._rewrite_manifests(table))
        self._attempt(table, "expire", lambda: self._expire(table))

    def _attempt(self, table: Table, act: str, do: Callable[[], Any]) -> Any:
        """Do it; report what it did, unless that is nothing. Returns what planning found."""
        if self._stop.is_set():
            return None
        began = time.monotonic()
        try:
            done = do()
        except Exception as error:  # noqa: BLE001 (whatever it is, the stream goes on)
            done = {"error": jvm_tables.first_line(error)}
        if self._stop.is_set():
            return None
        if isinstance(done, dict):
            seconds = round(time.monotonic() - began, 2)
            at = self._now().isoformat()
            report = {"table": table.name, "act": act, "seconds": seconds, "at": at, **done}
            self._board.add_act(report)
            (log.warning if "error" in done else log.info)("cared", **report)
            return None
        return done

    def _fold(self, table: Table) -> Report | None:
        java_table = jvm_tables.load(self._session, table)
        piles = folding.piles_worth_folding(folding.small_files(java_table))
        if not piles:
            return None
        jvm = jvm_tables.gateway(self._session)
        return folding.fold(table, java_table, jvm, self._io, piles)

    def _plan(self, table: Table) -> list[Compaction]:
        piles = self._piles(table)
        before = self._totals.get(table.name, {})
        self._totals[table.name] = totals(piles)
        return plan(piles, before, self._now().date())

    def _piles(self, table: Table) -> list[Pile]:
        day = f"partition.{table.day_of}_day"
        size = "file_size_in_bytes"
        tiers = " ".join(f"WHEN {size} < {tier_bound(tier)} THEN {tier}" for tier in range(TIERS))
        rows = self._session.sql(
            f"SELECT {day} AS day, CAST(partition AS STRING) AS place,"
            f" CASE {tiers} END AS tier, COUNT(*) AS files, SUM({size}) AS size_bytes"
            f" FROM {CATALOG}.{table.identifier}.files"
            f" WHERE {size} < {tier_bound(TIERS - 1)} GROUP BY ALL"
        ).collect()
        return [Pile(**row.asDict()) for row in rows]

    def _compact(self, table: Table, compaction: Compaction) -> Report | None:
        day = compaction.day
        action = (
            jvm_tables.activate(self._session)
            .rewriteDataFiles(jvm_tables.load(self._session, table))
            .filter(
                jvm_tables.between(
                    self._session, table.day_of, _micros(day), _micros(day + timedelta(days=1))
                )
            )
        )
        for name, value in compaction_options(compaction).items():
            action = action.option(name, value)
        result = action.execute()
        failed = result.failedDataFilesCount()
        return {
            "day": str(compaction.day),
            "files_in": result.rewrittenDataFilesCount(),
            "files_out": result.addedDataFilesCount(),
            "bytes": result.rewrittenBytesCount(),
            **({"error": f"{failed} files could not be rewritten"} if failed else {}),
        }

    def _rewrite_manifests(self, table: Table) -> Report | None:
        if time.monotonic() < self._manifests_due[table]:
            return None
        self._manifests_due[table] = time.monotonic() + _MANIFESTS_SECONDS
        java_table = jvm_tables.load(self._session, table)
        manifests = len(java_table.currentSnapshot().allManifests(java_table.io()))
        if manifests < _MANIFESTS_WORTH_REWRITING:
            return None
        result = jvm_tables.activate(self._session).rewriteManifests(java_table).execute()
        return {
            "files_in": len(list(result.rewrittenManifests())),
            "files_out": len(list(result.addedManifests())),
        }

    def _expire(self, table: Table) -> Report | None:
        """Expire what is older than we keep, never past the stream's newest snapshot.

        The sink finds its last epoch by walking from the tip through the parents, so all between
        the two must stay, however old.
        """
        java_table = jvm_tables.load(self._session, table)
        times = [int(snapshot.timestampMillis()) for snapshot in java_table.snapshots()]
        before = expire_before(times, int((self._now() - self._keep).timestamp() * 1000))
        kept = len(times)
        # Only `trades` is written by the sink; the others keep their tip.
        depth = jvm_tables.newest_mark(java_table)[1] if table is TRADES else 1
        old = sum(1 for time_ms in times if time_ms < before)
        if min(old, kept - depth) <= 0:
            return None
        java_table.expireSnapshots().expireOlderThan(before).retainLast(depth).commit()
        java_table.refresh()
        return {"snapshots": kept - len(java_table.snapshots())}


def compaction_options(compaction: Compaction) -> dict[str, str]:
    """The options of Iceberg's rewrite, as texts."""
    return {
        "target-file-size-bytes": str(TARGET_BYTES),
        "min-file-size-bytes": str(compaction.below_bytes),
        # Larger files are left alone, never split.
        "max-file-size-bytes": str(1 << 40),
        "min-input-files": str(compaction.min_files),
        # One task at a time leaves the other core to the stream; what is done is committed.
        "max-concurrent-file-group-rewrites": "1",
        "partial-progress.enabled": "true",
        "partial-progress.max-commits": "2",
    }


def _micros(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000_000
