"""DuckDB for questions that got past the gate, should one ever: attached, then shut and looked at.

What it stops by itself is told in docs/decisions/0020-a-query-runs-in-a-process-of-its-own.md.
"""

from collections.abc import Iterator
from itertools import chain

import duckdb

from catalog.errors import LakeError
from catalog.settings import LakeSettings
from serving.attach import (
    CATALOG_SECRET,
    CONFIG,
    attaching,
    locking,
    quoted,
    redactor,
    store_root,
    translated,
)

_CONFIG: dict[str, str | int | float | list[str]] = {
    **CONFIG,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    # Nothing spills to disk: what does not fit into the memory ends as an error.
    "temp_directory": "",
    "max_temp_directory_size": "0B",
}
# Reading s3:// does not take the file system for http://.
_NO_FILES = "LocalFileSystem,HTTPFileSystem"
_EXPECTED: dict[str, object] = {
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "allow_unsigned_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "lock_configuration": True,
    "python_enable_replacements": False,
    "temp_directory": "",
}


def open_sealed(
    settings: LakeSettings, *, memory_limit: str, threads: int
) -> duckdb.DuckDBPyConnection:
    """A database with the lake attached and everything else shut.

    Raises LakeError where catalog or store do not answer, or a lock does not hold.
    """
    with translated(redactor(settings)):
        database = duckdb.connect(
            ":memory:", config={**_CONFIG, "memory_limit": memory_limit, "threads": threads}
        )
        try:
            for statement in chain(attaching(settings), _sealing(settings)):
                database.execute(statement)
            _check(database, settings)
        except Exception:
            database.close()
            raise
    return database


def _sealing(settings: LakeSettings) -> Iterator[str]:
    # The attached catalog keeps its token for itself. A secret that stays would be sent along, even
    # unasked, by an ATTACH to any other address.
    yield f"DROP SECRET IF EXISTS {CATALOG_SECRET}"
    yield f"SET disabled_filesystems = {quoted(_NO_FILES)}"
    yield from locking(settings)


def _check(database: duckdb.DuckDBPyConnection, settings: LakeSettings) -> None:
    found = {name: _setting(database, name) for name in _EXPECTED}
    wrong = [name for name, value in _EXPECTED.items() if found[name] != value]
    # DuckDB adds the attached warehouse, as if that were a file with a log beside it.
    place = settings.warehouse
    expected = {f"{place}{end}" for end in ("", ".wal", ".wal.checkpoint", ".wal.recovery")}
    if not set(_list(database, "allowed_paths")) <= expected:
        wrong.append("allowed_paths")
    if _list(database, "allowed_directories") != [store_root(settings)]:
        wrong.append("allowed_directories")
    kept = database.execute("SELECT name FROM duckdb_secrets() WHERE type <> 's3'").fetchall()
    if kept or wrong:
        raise LakeError(
            f"DuckDB is not shut as it must be ({', '.join(wrong) or 'a secret is left'}); nothing"
            " is asked of it. This is a fault of ours, or of another version of DuckDB."
        )


def _setting(database: duckdb.DuckDBPyConnection, name: str) -> object:
    row = database.execute("SELECT current_setting($1)", [name]).fetchone()
    return row[0] if row else None


def _list(database: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    value = _setting(database, name)
    return [str(one) for one in value] if isinstance(value, list) else [f"not a list: {value}"]
