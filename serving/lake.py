"""The lake through DuckDB: attached read-only, locked down, any moment by plain table names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from catalog import client
from catalog.errors import QueryError
from catalog.moments import LIVE, History, Moment, ResolvedMoment, Snapshot, resolve
from catalog.schema import TABLES
from catalog.settings import LakeSettings
from serving.attach import CONFIG, attaching, locking, redactor, translated
from serving.queries import Query, plain_names

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


class Lake:
    """A read-only session with the lake; safe to share between threads, a cursor for each query.

    Every query sees the newest snapshots unless it is given a moment.
    """

    def __init__(self, settings: LakeSettings, database: duckdb.DuckDBPyConnection) -> None:
        self._settings = settings
        self._database = database
        self._redact = redactor(settings)
        self._catalog = client.connect(settings)

    @classmethod
    def open(cls, settings: LakeSettings, *, memory_limit: str = "1GB", threads: int = 2) -> "Lake":
        """Attach the warehouse. Raises LakeError when catalog or store refuse or do not answer."""
        with translated(redactor(settings)):
            database = duckdb.connect(
                ":memory:", config={**CONFIG, "memory_limit": memory_limit, "threads": threads}
            )
            try:
                for statement in chain(attaching(settings), locking(settings)):
                    database.execute(statement)
            except duckdb.Error:
                database.close()
                raise
        return cls(settings, database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of everything; queries still running fail."""
        self._database.close()

    def sql(
        self, text: str, as_of: Moment | None = None, parameters: Sequence[object] = ()
    ) -> pa.Table:
        """Answer one SELECT (or EXPLAIN) over `trades`, `rejected` and `feed_events`.

        Raises QueryError when the SQL is wrong or not a reading statement, MomentError when the
        moment cannot be had, LakeError when catalog or store do not answer.
        """
        moment = as_of or LIVE
        snapshot_ids = {} if moment.is_live else self.resolve(moment).snapshot_ids
        with self._cursor() as cursor:
            _check_reading(cursor, text)
            for view in plain_names(text, snapshot_ids):
                cursor.execute(view.text)
            return _arrow(cursor, Query(text, tuple(parameters)))

    def run(self, query: Query) -> pa.Table:
        """Answer a query that names its tables and snapshots itself (`serving.queries`)."""
        with self._cursor() as cursor:
            return _arrow(cursor, query)

    def histories(self) -> tuple[History, ...]:
        """The kept snapshots and tags of every table."""
        with client.translated(self._settings):
            return tuple(
                History.of(table.name, self._catalog.load_table(table.identifier))
                for table in TABLES
            )

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The kept snapshots of `trades`, oldest first."""
        return self.histories()[0].snapshots

    def resolve(self, moment: Moment) -> ResolvedMoment:
        """The moment's snapshot id in each table."""
        return resolve(moment, self.histories(), datetime.now(UTC))

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with translated(self._redact):
            cursor = self._database.cursor()
            try:
                yield cursor
            finally:
                cursor.close()


def _arrow(cursor: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
    return cursor.execute(query.text, query.parameters).to_arrow_table()


def _check_reading(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    statements = cursor.extract_statements(text)
    if len(statements) != 1:
        raise QueryError(f"One statement at a time is allowed; {len(statements)} were given.")
    kind = statements[0].type
    if kind not in _READING:
        raise QueryError(
            f"{kind.name} is not allowed: the lake is read-only here. Use SELECT, DESCRIBE, SHOW,"
            " SUMMARIZE or EXPLAIN."
        )
