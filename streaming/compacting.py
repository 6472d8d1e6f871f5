"""Compaction of one table: small files folded, larger ones merged, manifests rewritten."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from pyiceberg.io import FileIO
from pyspark.sql import SparkSession

from catalog.schema import Table
from streaming import jvm_tables
from streaming.acts import Act, Report
from streaming.care_plan import (
    Totals,
    backlog,
    open_from,
    piles_to_fold,
    piles_to_merge,
    totals,
)
from streaming.data_files import LiveFile, live_files
from streaming.folding import fold
from streaming.keeper import Board
from streaming.merging import merge

_MANIFESTS_SECONDS = 3600
_MANIFESTS_WORTH_REWRITING = 10
# So long a past day's files must have stayed the same before it counts as closed.
_ROUNDS_UNTIL_CLOSED = 5


class Ledger:
    """Looks only at the files of days that care is not done with.

    A table of a year has thousands of files that nothing happens to. The snapshot says how many
    files there are in all; as long as that agrees with those looked at and those left out, nothing
    has come to an old day.
    """

    def __init__(self, jvm: Any, table: Table) -> None:
        self._jvm = jvm
        self._table = table
        self._since: date | None = None
        self.left_out = 0

    def look(self, java_table: Any, today: date) -> list[LiveFile]:
        """The files that care may have to do with."""
        count = int(java_table.currentSnapshot().summary().get("total-data-files"))
        files = list(live_files(self._jvm, java_table, self._table, self._since))
        if self._since is not None and count != self.left_out + len(files):
            files = list(live_files(self._jvm, java_table, self._table, None))
        self._since = open_from(files, today)
        looked_at = [file for file in files if file.day >= self._since]
        self.left_out = count - len(looked_at)
        return looked_at


class Compactor:
    """Plans the compaction of one table."""

    def __init__(
        self,
        session: SparkSession,
        io: FileIO,
        table: Table,
        board: Board,
        pause: Callable[[], None],
    ) -> None:
        self._session = session
        self._io = io
        self._table = table
        self._board = board
        self._pause = pause
        self._jvm = jvm_tables.gateway(session)
        self._ledger = Ledger(self._jvm, table)
        self._rounds = 0
        self._before: Totals = {}
        self._manifests_due = time.monotonic() + _MANIFESTS_SECONDS

    def acts(self, now: datetime, *, counts: bool = True) -> Iterator[Act]:
        """What is worth doing now, each act planned once those before it are done.

        A round that does not count, of a dry run, leaves no trace.
        """
        today = now.astimezone(UTC).date()
        java_table = self._load()
        files = self._ledger.look(java_table, today)
        piles = piles_to_fold(files)
        if piles:
            would: Report = {"files_in": sum(map(len, piles)), "files_out": len(piles)}
            yield Act(self._table, "fold", would, partial(self._fold, java_table, piles))
            if counts:
                files = self._ledger.look(self._load(), today)
        for pile in piles_to_merge(files, self._closing(files, counts), today):
            would = {"place": pile[0].place, "files_in": len(pile), "bytes": _bytes(pile)}
            yield Act(self._table, "merge", would, partial(self._merge, pile))
        if time.monotonic() >= self._manifests_due:
            yield Act(self._table, "rewrite manifests", {}, self._rewrite_manifests)
        if counts:
            files = self._ledger.look(self._load(), today)
            self._board.update_table(self._table.name, settled_files=self._settled(files))

    def _load(self) -> Any:
        return jvm_tables.load(self._session, self._table)

    def _settled(self, files: list[LiveFile]) -> int:
        return self._ledger.left_out + backlog(files).settled

    def _closing(self, files: list[LiveFile], counts: bool) -> Totals:
        """The days' files as they were some rounds ago; nothing in the rounds between."""
        if self._rounds % _ROUNDS_UNTIL_CLOSED:
            before: Totals = {}
        else:
            before = self._before
            if counts:
                self._before = totals(files)
        if counts:
            self._rounds += 1
        return before

    def _fold(self, java_table: Any, piles: list[list[LiveFile]]) -> Report:
        return fold(self._table, java_table, self._jvm, self._io, piles)

    def _merge(self, pile: list[LiveFile]) -> Report:
        done = merge(self._table, self._load(), self._jvm, self._io, pile, self._pause)
        return {"place": pile[0].place, **done}

    def _rewrite_manifests(self) -> Report | None:
        self._manifests_due = time.monotonic() + _MANIFESTS_SECONDS
        java_table = self._load()
        manifests = len(java_table.currentSnapshot().allManifests(java_table.io()))
        if manifests < _MANIFESTS_WORTH_REWRITING:
            return None
        result = jvm_tables.activate(self._session).rewriteManifests(java_table).execute()
        return {
            "files_in": len(list(result.rewrittenManifests())),
            "files_out": len(list(result.addedManifests())),
        }


def _bytes(pile: list[LiveFile]) -> int:
    return sum(file.size_bytes for file in pile)
