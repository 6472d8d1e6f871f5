"""The process that runs one question and ends: `python -m serving.console.child`, by the console.

It holds the lake's keys, handed over on standard input, and nothing else of value. The gate stands
here, behind the deadline, so that a text which takes long to parse is ended like any other.
"""

import os
import sys
import threading
from bisect import bisect_right
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from catalog.errors import LakeError, QueryError, TapehouseError
from catalog.settings import LakeSettings
from serving.attach import redactor, translated
from serving.console import confine, wire
from serving.console.gate import check
from serving.console.sealed import open_sealed
from serving.views import NAMES, plain_names

_LONGEST_MESSAGE = 1_000_000
_BATCH_ROWS = 2048
_PORTS = {"http": 80, "https": 443}


def main() -> int:
    """The entry point; returns the exit code."""
    answers = _take_output()
    try:
        _serve(sys.stdin.buffer, answers)
    except TapehouseError as error:
        return _fail(answers, error)
    except MemoryError:
        return _fail(answers, QueryError("The query needs more memory than it may take."))
    return 0


def _fail(answers: BinaryIO, error: TapehouseError) -> int:
    wire.write(answers, wire.FAILED, wire.to_json(code=error.exit_code, text=str(error)))
    return error.exit_code


def _serve(orders: BinaryIO, answers: BinaryIO) -> None:
    message = wire.read(orders, _LONGEST_MESSAGE)
    if message is None:
        return
    start = wire.Start.parse(message[1])
    settings = LakeSettings.read(**start.settings)
    confine.limit(start.memory_bytes)
    held = confine.give_up(_ports(settings))
    memory = f"{start.memory_bytes // 1_000_000}MB"
    with open_sealed(settings, memory_limit=memory, threads=start.threads) as database:
        wire.write(answers, wire.READY, wire.to_json(held=held))
        message = wire.read(orders, _LONGEST_MESSAGE)
        if message is None:
            return
        _end_with(orders)
        question = wire.Question.parse(message[1])
        confine.limit_processor(question.seconds * start.threads)
        redact = redactor(settings)
        with translated(redact):
            try:
                _answer(database, question, answers)
            except pa.ArrowException as error:
                raise QueryError(redact(str(error))) from None


def _answer(
    database: duckdb.DuckDBPyConnection, question: wire.Question, answers: BinaryIO
) -> None:
    names = set(NAMES)
    checked = check(question.sql, names | _views(database, question.sql, question.snapshot_ids))
    if checked.lists_tables:
        _views(database, " ".join(names), question.snapshot_ids)
    try:
        result = database.execute(checked.text, list(question.parameters))
        reader = result.to_arrow_reader(_BATCH_ROWS)
    except duckdb.OutOfMemoryException as error:
        # DuckDB goes on to advise settings that are locked here.
        reason = str(error).partition("\n")[0]
        raise QueryError(f"The query needs more memory than it may take. {reason}") from None
    wire.write(answers, wire.SCHEMA, reader.schema.serialize())
    rows, cut = 0, ""
    left = question.most_bytes
    for batch in reader:
        kept, cut = _fitting(batch, question.most_rows - rows, left)
        if not rows and not kept.num_rows and batch.num_rows:
            raise QueryError(
                f"One row is larger than the {question.most_bytes} bytes that an answer may have."
            )
        if kept.num_rows:
            wire.write(answers, wire.BATCH, kept.serialize())
        rows += kept.num_rows
        left -= kept.nbytes
        if cut:
            break
    wire.write(answers, wire.DONE, wire.to_json(rows=rows, cut=cut))


def _views(
    database: duckdb.DuckDBPyConnection, text: str, snapshot_ids: dict[str, int]
) -> set[str]:
    for view in plain_names(text, snapshot_ids):
        database.execute(view.text, list(view.parameters))
    made = database.execute("SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal")
    return {str(row[0]) for row in made.fetchall()}


def _fitting(batch: pa.RecordBatch, rows: int, size: int) -> tuple[pa.RecordBatch, str]:
    """As many of the first rows as may still be sent, and what cut them: rows, bytes or nothing."""
    kept = batch.slice(0, rows)
    if kept.nbytes > size:
        sizes = range(kept.num_rows + 1)
        fitting = bisect_right(sizes, size, key=lambda count: kept.slice(0, count).nbytes) - 1
        return kept.slice(0, max(fitting, 0)), "bytes"
    return kept, "rows" if kept.num_rows < batch.num_rows else ""


def _take_output() -> BinaryIO:
    """Standard output for messages alone: whatever else prints, prints to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _end_with(orders: BinaryIO) -> None:
    """End this process as soon as the other end of its input is closed, whatever runs here."""

    def watch() -> None:
        orders.read(1)
        os._exit(LakeError.exit_code)

    threading.Thread(target=watch, daemon=True).start()


def _ports(settings: LakeSettings) -> Iterator[int]:
    for address in (settings.catalog_uri, settings.store_endpoint, settings.oauth2_endpoint):
        place = urlsplit(address)
        yield place.port or _PORTS.get(place.scheme, 443)


if __name__ == "__main__":
    sys.exit(main())
