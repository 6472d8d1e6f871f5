"""Folding: a table partition's small files become one, read and written in this process.

A stream's files hold some dozens of rows each, and one of one second with seven symbols leaves 420
a minute. Spark's tasks that fold them take the place of the stream's, whose commits then come late;
Arrow does it beside them, and reads a file in 2 ms of a core. The commit is Iceberg's own, with its
retries: a `replace`, which changes no row. That it changes none is proved first, for each table
partition: what was read and what the store gives back of what was written have the same content.
"""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

from catalog.errors import LakeError
from catalog.logs import get_logger
from catalog.schema import Table
from streaming.acts import Report
from streaming.content import Content
from streaming.data_files import (
    COMPRESSION,
    LiveFile,
    in_order,
    new_location,
    read_whole,
    to_data_file,
)

log = get_logger("streaming.folding")


def fold(
    table: Table, java_table: Any, jvm: Any, io: FileIO, piles: list[list[LiveFile]]
) -> Report:
    """Fold each pile into one file, all in one commit; returns what was done.

    Broken off before the commit, it leaves files that the table never names: orphans. Raises
    LakeError, and commits nothing, when a file does not hold what was read.
    """
    start = java_table.currentSnapshot().snapshotId()
    rewrite = java_table.newRewrite().validateFromSnapshot(start)
    proofs = Proofs()
    for pile in piles:
        rows = _read(io, pile)
        location = new_location(java_table, pile[0])
        with io.new_output(location).create() as stream:
            pq.write_table(in_order(rows, table), stream, **COMPRESSION)
        proofs.compare(pile[0].place, Content.of(rows), Content.of(_read_one(io, location)))
        rewrite.addFile(to_data_file(jvm, java_table, location, pile[0], rows.num_rows))
        for file in pile:
            rewrite.deleteFile(file.entry)
    log.debug("act_commits", table=table.name, act="fold")
    rewrite.commit()
    return {
        "files_in": sum(len(pile) for pile in piles),
        "files_out": len(piles),
        "bytes": sum(file.size_bytes for pile in piles for file in pile),
        "contents": proofs.contents,
    }


class Proofs:
    """The contents of the table partitions that an act of care rewrites, before and after."""

    def __init__(self) -> None:
        self._contents: dict[str, Content] = {}

    def compare(self, place: str, before: Content, after: Content) -> None:
        """Take note of some of a table partition's rows. Raises LakeError when they differ."""
        if before != after:
            raise LakeError(
                f"Compacting {place} would have changed it: its files hold {before}, what was"
                f" written holds {after}. Nothing was committed. Is the store sound?"
            )
        self._contents[place] = self._contents.get(place, Content()) + before

    @property
    def contents(self) -> dict[str, str]:
        """By table partition: rows, and their hash, which are the same before and after."""
        return {place: str(content) for place, content in self._contents.items()}


def _read(io: FileIO, pile: list[LiveFile]) -> pa.Table:
    return pa.concat_tables([_read_one(io, file.location) for file in pile])


def _read_one(io: FileIO, location: str) -> pa.Table:
    # Without `read_table`, whose machinery for many files costs as much again.
    rows = pq.ParquetFile(pa.BufferReader(read_whole(io, location))).read(use_threads=False)
    # Spark's words about its own schema; Arrow would carry them into the new file.
    return rows.replace_schema_metadata(None)
