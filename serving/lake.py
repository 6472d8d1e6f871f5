"""The lake through DuckDB: attached read-only, locked down, any moment by plain table names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
from pyiceberg.table import Table as IcebergTable

from catalog import client
from catalog.errors import LakeError, QueryError, SettingsError, TapehouseError
from catalog.logs import Redactor
from catalog.moments import LIVE, History, Moment, ResolvedMoment, Snapshot, resolve
from catalog.schema import TABLES, Table
from catalog.settings import LakeSettings
from serving.queries import ATTACHED, Query, plain_names

_EXTENSIONS = ("httpfs", "avro", "iceberg")
_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}

# The SQL is at fault; anything else DuckDB raises is about the catalog, the store or ourselves.
_QUERY_FAULTS = (
    duckdb.ProgrammingError,
    duckdb.DataError,
    duckdb.NotSupportedError,
    duckdb.PermissionException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.SequenceException,
)


class Lake:
    """A read-only session with the lake; safe to share between threads, a cursor for each query.

    Every query sees the newest snapshots unless it is given a moment.
    """

    def __init__(self, settings: LakeSettings, database: duckdb.DuckDBPyConnection) -> None:
        self._settings = settings
        self._database = database
        self._redact = _redactor(settings)
        self._catalog = client.connect(settings)

    @classmethod
    def open(cls, settings: LakeSettings, *, memory_limit: str = "1GB", threads: int = 2) -> "Lake":
        """Attach the warehouse. Raises LakeError when catalog or store refuse or do not answer."""
        with _translated(_redactor(settings)):
            database = duckdb.connect(
                ":memory:",
                config={
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "allow_unsigned_extensions": False,
                    "python_enable_replacements": False,
                    "memory_limit": memory_limit,
                    "threads": threads,
                },
            )
            try:
                for statement in _opening(settings):
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
        return tuple(History.of(table.name, self.load(table)) for table in TABLES)

    def load(self, table: Table) -> IcebergTable:
        """The table's newest metadata, as pyiceberg has it."""
        with client.translated(self._settings):
            return self._catalog.load_table(table.identifier)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """The kept snapshots of `trades`, oldest first."""
        return self.histories()[0].snapshots

    def resolve(self, moment: Moment) -> ResolvedMoment:
        """The moment's snapshot id in each table."""
        return resolve(moment, self.histories(), datetime.now(UTC))

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with _translated(self._redact):
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


def _opening(settings: LakeSettings) -> Iterator[str]:
    """What a new database runs first, in the one order that works: lock down after attaching."""
    for name in _EXTENSIONS:
        yield f"LOAD {_quoted(_extension(name))}"
    yield _create_secret("store", _store_secret(settings))
    access = _catalog_secret(settings)
    if access:
        yield _create_secret("rest_catalog", access)
    secret = "SECRET rest_catalog" if access else "AUTHORIZATION_TYPE 'none'"
    yield (
        f"ATTACH {_quoted(settings.warehouse)} AS {ATTACHED} (TYPE iceberg, READ_ONLY,"
        f" ENDPOINT {_quoted(settings.catalog_uri)}, {secret}, ACCESS_DELEGATION_MODE 'none')"
    )
    yield "SET TimeZone = 'UTC'"
    yield f"SET allowed_directories = [{_quoted(_store_root(settings))}]"
    yield "SET enable_external_access = false"
    yield "SET lock_configuration = true"


def _store_secret(settings: LakeSettings) -> dict[str, str | bool]:
    endpoint = urlsplit(settings.store_endpoint)
    if endpoint.scheme not in {"http", "https"} or not endpoint.netloc:
        raise SettingsError(
            "TAPEHOUSE_STORE_ENDPOINT must be an http or https URL,"
            f" not {settings.store_endpoint!r}."
        )
    return {
        "TYPE": "s3",
        "KEY_ID": settings.store_access_key,
        "SECRET": settings.store_secret_key.get_secret_value(),
        "ENDPOINT": endpoint.netloc,
        "REGION": settings.store_region,
        "URL_STYLE": "path",
        "USE_SSL": endpoint.scheme == "https",
    }


def _catalog_secret(settings: LakeSettings) -> dict[str, str | bool]:
    token = settings.token.get_secret_value()
    if token:
        return {"TYPE": "iceberg", "TOKEN": token}
    credential = settings.credential.get_secret_value()
    if not credential:
        return {}
    client_id, _, client_secret = credential.rpartition(":")
    return {
        "TYPE": "iceberg",
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": client_secret,
        "OAUTH2_SERVER_URI": settings.oauth2_endpoint,
    }


def _create_secret(name: str, options: dict[str, str | bool]) -> str:
    listed = ", ".join(
        f"{key} {str(value).lower() if isinstance(value, bool) else _quoted(value)}"
        for key, value in options.items()
    )
    return f"CREATE SECRET {name} ({listed})"


def _store_root(settings: LakeSettings) -> str:
    # A warehouse may be a mere name (`''` or `lake`); then the store's keys are the only bound.
    scheme, _, rest = settings.warehouse.partition("://")
    return f"{scheme}://{rest.strip('/')}/" if rest else "s3://"


def _extension(name: str) -> str:
    spec = find_spec(f"duckdb_extension_{name}")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    path = folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not path.is_file():
        raise LakeError(
            f"DuckDB's extension {name!r} for version {duckdb.__version__} is not installed."
            " Install the extra `serving` with the versions that uv.lock states."
        )
    return str(path)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _redactor(settings: LakeSettings) -> Redactor:
    credential = settings.credential.get_secret_value()
    return Redactor(
        [
            credential,
            credential.rpartition(":")[2],
            settings.token.get_secret_value(),
            settings.store_secret_key.get_secret_value(),
        ]
    )


@contextmanager
def _translated(redact: Redactor) -> Iterator[None]:
    """DuckDB's errors as ours, without secrets; its own error is not chained, it may hold them."""
    try:
        yield
    except TapehouseError:
        raise
    except _QUERY_FAULTS as error:
        raise QueryError(redact(str(error))) from None
    except duckdb.Error as error:
        raise LakeError(
            f"The lake does not answer as it should: {redact(str(error))}. Are catalog and store"
            " running? `tapehouse status` tells."
        ) from None
