"""Folding: a table partition's small files become one, read and written in this process.

A stream's files hold some dozens of rows each, and one of one second with seven symbols leaves 420
a minute. Spark's tasks that fold them take the place of the stream's, whose commits then come late;
Arrow does it beside them, and reads a file in 2 ms of a core. The commit is Iceberg's own, with its
retries: a `replace`, which changes no row.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

from catalog.errors import LakeError
from catalog.schema import Table
from streaming.care_plan import FOLDED_TIERS, MIN_FILES, tier_bound, tier_of

# Of the smallest there are new ones with every micro-batch.
MIN_SMALLEST_FILES = 8
# So much is held in memory at once, about ten times as much when it is decoded.
_MOST_BYTES = 16 * 1024 * 1024


class SmallFile(NamedTuple):
    """A data file of a tier that is folded; `entry` is Iceberg's Java object for it."""

    entry: Any
    place: str
    location: str
    size_bytes: int


def small_files(java_table: Any) -> Iterator[SmallFile]:
    """The table's small files, at its current snapshot."""
    below_bytes = tier_bound(FOLDED_TIERS - 1)
    spec = java_table.spec()
    tasks = java_table.newScan().planFiles()
    each = tasks.iterator()
    try:
        while each.hasNext():
            entry = each.next().file()
            size_bytes = entry.fileSizeInBytes()
            if size_bytes < below_bytes and entry.specId() == spec.specId():
                place = spec.partitionToPath(entry.partition())
                yield SmallFile(entry, place, entry.location(), size_bytes)
    finally:
        tasks.close()


def piles_worth_folding(files: Iterable[SmallFile]) -> list[list[SmallFile]]:
    """Those of each table partition and tier, where there are enough of them."""
    piles: dict[tuple[str, int], list[SmallFile]] = {}
    for file in files:
        piles.setdefault((file.place, tier_of(file.size_bytes)), []).append(file)
    return [
        cut
        for (_, tier), pile in piles.items()
        if len(cut := list(_first_bytes(pile))) >= (MIN_FILES if tier else MIN_SMALLEST_FILES)
    ]


def _first_bytes(pile: list[SmallFile]) -> Iterator[SmallFile]:
    for file, sum_bytes in zip(pile, accumulate(file.size_bytes for file in pile), strict=True):
        if sum_bytes - file.size_bytes >= _MOST_BYTES:
            return
        yield file


def fold(
    table: Table, java_table: Any, jvm: Any, io: FileIO, piles: list[list[SmallFile]]
) -> dict[str, int]:
    """Fold each pile into one file, all in one commit; returns what was done.

    Broken off before the commit, it leaves files that the table never names: orphans.
    """
    start = java_table.currentSnapshot().snapshotId()
    rewrite = java_table.newRewrite().validateFromSnapshot(start)
    for pile in piles:
        rows = _sorted(_read(io, pile), table)
        rewrite.addFile(_write(rows, java_table, jvm, io, pile[0].entry))
        for file in pile:
            rewrite.deleteFile(file.entry)
    rewrite.commit()
    return {
        "files_in": sum(len(pile) for pile in piles),
        "files_out": len(piles),
        "bytes": sum(file.size_bytes for pile in piles for file in pile),
    }


def _read(io: FileIO, pile: list[SmallFile]) -> pa.Table:
    parts = []
    for file in pile:
        with io.new_input(file.location).open(seekable=False) as stream:
            # Without `read_table`, whose machinery for many files costs as much again.
            parts.append(pq.ParquetFile(pa.BufferReader(stream.read())).read(use_threads=False))
    # Spark's words about its own schema; Arrow would carry them into the new file.
    return pa.concat_tables([part.replace_schema_metadata(None) for part in parts])


def _sorted(rows: pa.Table, table: Table) -> pa.Table:
    """By event time, so that a reader can skip what it does not look for."""
    return rows.sort_by([(table.day_of, "ascending"), ("kafka_offset", "ascending")])


def _write(rows: pa.Table, java_table: Any, jvm: Any, io: FileIO, like: Any) -> Any:
    spec = java_table.spec()
    name = f"folded-{uuid4()}.parquet"
    location = java_table.locationProvider().newDataLocation(spec, like.partition(), name)
    with io.new_output(location).create() as stream:
        # The level is Spark's, so that folding makes no file larger.
        pq.write_table(rows, stream, compression="zstd", compression_level=3)
    written = java_table.io().newInputFile(location)
    iceberg = jvm.org.apache.iceberg
    metrics = iceberg.parquet.ParquetUtil.fileMetrics(
        written, iceberg.MetricsConfig.forTable(java_table)
    )
    if metrics.recordCount() != rows.num_rows:
        raise LakeError(
            f"The folded file {location} holds {metrics.recordCount()} rows, not {rows.num_rows}:"
            " it is not used. Is the store sound?"
        )
    return (
        iceberg.DataFiles.builder(spec)
        .withPath(location)
        .withFormat("parquet")
        .withPartition(like.partition())
        .withFileSizeInBytes(written.getLength())
        .withMetrics(metrics)
        .build()
    )
