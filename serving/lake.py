"""The lake through DuckDB: attached read-only, locked down, any moment by plain names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
from pyiceberg.table import Table as IcebergTable

from catalog import client
from catalog.errors import LakeError, MomentError, QueryError
from catalog.moments import LIVE, History, Moment, ResolvedMoment, Snapshot, parse_moment, resolve
from catalog.schema import TABLES, Table
from catalog.settings import LakeSettings
from serving.attach import CONFIG, attaching, locking, redactor, translated
from serving.lake_at import LakeAt
from serving.queries import Query
from serving.views import plain_names

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
    def open(
        cls,
        settings: LakeSettings | None = None,
        *,
        memory_limit: str = "1GB",
        threads: int = 2,
    ) -> "Lake":
        """Attach the warehouse; without settings, the one that the environment or `.env` names.

        Raises LakeError when catalog or store refuse or do not answer.
        """
        settings = settings or LakeSettings.read()
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
        self, text: str, as_of: Moment | str | None = None, parameters: Sequence[object] = ()
    ) -> pa.Table:
        """Answer one SELECT (or EXPLAIN) over the names of `serving.views`.

        Raises QueryError when the SQL is wrong or not a reading statement, MomentError when the
        moment cannot be had, LakeError when catalog or store do not answer.
        """
        moment = _moment(as_of or LIVE)
        if moment.is_live:
            return self.ask(text, {}, parameters)
        return self.at(moment).sql(text, parameters)

    def at(self, moment: Moment | str) -> LakeAt:
        """The lake as it was at a moment, for as many questions as one likes.

        `live` means the newest snapshots of now, and stays with them. Raises MomentError.
        """
        return LakeAt(self, self.resolve(moment))

    def ask(
        self, text: str, snapshot_ids: Mapping[str, int], parameters: Sequence[object] = ()
    ) -> pa.Table:
        """As `sql`, with each table at its snapshot; one without is read at its newest."""
        with self._cursor() as cursor:
            _check_reading(cursor, text)
            for view in plain_names(text, snapshot_ids):
                cursor.execute(view.text)
            return _arrow(cursor, Query(text, tuple(parameters)))

    def run(self, query: Query) -> pa.Table:
        """Answer a query that names its tables and snapshots itself (`serving.queries`)."""
        with self._cursor() as cursor:
            return _arrow(cursor, query)

    def load(self, table: Table) -> IcebergTable:
        """The table's metadata, freshly loaded."""
        with client.translated(self._settings):
            return self._catalog.load_table(table.identifier)

    @contextmanager
    def reading_files(self) -> Iterator[None]:
        """Around what reads a loaded table's own files: its errors become LakeError."""
        with client.translated(self._settings):
            yield

    def histories(self) -> tuple[History, ...]:
        """The kept snapshots and tags of every table."""
        return tuple(History.of(table.name, self.load(table)) for table in TABLES)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The kept snapshots of `trades`, oldest first."""
        return self.histories()[0].snapshots

    def resolve(
        self, moment: Moment | str, histories: Iterable[History] | None = None
    ) -> ResolvedMoment:
        """The moment's snapshot id in each table, by what `histories` told or tells now."""
        return resolve(_moment(moment), histories or self.histories(), datetime.now(UTC))

    @contextmanager
    def standing_at(self, *moments: ResolvedMoment) -> Iterator[None]:
        """Around questions at these moments: what fails since one expired raises MomentError."""
        try:
            yield
        except (LakeError, QueryError) as error:
            for one in moments:
                if any(self._lacks(name, one.snapshot_ids[name]) for name in one.snapshot_ids):
                    raise MomentError(
                        f"{one.moment} ({one.committed_at.isoformat()}) has been expired meanwhile."
                        " `tapehouse snapshots` lists what is kept."
                    ) from error
            raise

    def _lacks(self, name: str, snapshot_id: int) -> bool:
        (table,) = (table for table in TABLES if table.name == name)
        return self.load(table).snapshot_by_id(snapshot_id) is None

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with translated(self._redact):
            cursor = self._database.cursor()
            try:
                yield cursor
            finally:
                cursor.close()


def to_relation(answer: pa.Table) -> duckdb.DuckDBPyRelation:
    """An answer as a DuckDB relation, to filter, join or show; `to_pandas` is Arrow's own."""
    return duckdb.connect(":memory:").from_arrow(answer)


def _moment(given: Moment | str) -> Moment:
    return parse_moment(given) if isinstance(given, str) else given


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
