"""An answer as a file: CSV, Parquet or Arrow, by the file's suffix."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import orjson
import pyarrow as pa
from pyarrow import csv, parquet

from catalog.errors import QueryError

SUFFIXES = (".csv", ".parquet", ".arrow")

_OPTIONS = orjson.OPT_NON_STR_KEYS


def check(path: Path) -> None:
    """Raises QueryError for a suffix that means nothing here."""
    if path.suffix not in SUFFIXES:
        raise QueryError(f"{path.name} says no format: end it with {', '.join(SUFFIXES)}.")


def write(table: pa.Table, path: Path) -> None:
    """Write the answer to a file with one of SUFFIXES."""
    with path.open("wb") as file:
        write_to(table, file, path.suffix)


def write_to(table: pa.Table, file: BinaryIO, suffix: str) -> None:
    """Write the answer in the format of that suffix, one of SUFFIXES.

    CSV has no lists and structs: they are written as JSON.
    """
    table = table.replace_schema_metadata(None)
    if suffix == ".parquet":
        parquet.write_table(table, file, compression="zstd")
    elif suffix == ".arrow":
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    else:
        csv.write_csv(_flat(table), file)


def _flat(table: pa.Table) -> pa.Table:
    columns = [
        _as_json(column) if pa.types.is_nested(column.type) else column for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _as_json(column: pa.ChunkedArray) -> pa.Array:
    texts = [
        None if value is None else orjson.dumps(value, default=_plain, option=_OPTIONS).decode()
        for value in column.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    raise TypeError
