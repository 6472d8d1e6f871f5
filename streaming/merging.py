"""Merging: a table partition's larger files become one or two, sorted by event time.

For what is too large to be held at once. The files are read twice: once to learn what they hold and
when, once in slices of time, each of which is sorted in memory and appended. What was written is
read back, and its content compared with the first reading, before anything is committed.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io import FileIO

from catalog.logs import get_logger
from catalog.schema import Table
from streaming.acts import Report
from streaming.care_plan import TARGET_BYTES
from streaming.content import Content, total
from streaming.data_files import COMPRESSION, LiveFile, in_order, new_location, to_data_file
from streaming.folding import Proofs

_MINUTE_US = 60_000_000
_SLICE_BYTES = 64 * 1024 * 1024
_BATCH_ROWS = 16_384
# So that a reader of some minutes skips the rest of the file.
_GROUP_ROWS = 128 * 1024

log = get_logger("streaming.merging")

Slice = tuple[int, int]
"""First minute, and the one after the last."""


class Stopped(Exception):  # noqa: N818 (no error: told to end)
    """Merging was told to stop; nothing was committed."""


def merge(
    table: Table,
    java_table: Any,
    jvm: Any,
    io: FileIO,
    pile: list[LiveFile],
    pause: Callable[[], None] = lambda: None,
) -> Report:
    """Merge files of one table partition, in one commit; returns what was done.

    `pause` is called between two batches of rows, and may wait, or raise Stopped. Broken off before
    the commit, it leaves files that the table never names. Raises LakeError, and commits nothing,
    when what was written does not hold what was read.
    """
    start = java_table.currentSnapshot().snapshotId()
    rewrite = java_table.newRewrite().validateFromSnapshot(start)
    with ExitStack() as open_files:
        sources = [open_files.enter_context(opened(io, file.location)) for file in pile]
        before, slices = survey(sources, table, pause)
        locations = list(_write(sources, slices, table, java_table, io, pile[0], pause))
    proofs = Proofs()
    contents = []
    for location in locations:
        with opened(io, location) as written:
            contents.append(total(Content.of(batch) for batch in _batches(written, pause)))
        rows = contents[-1].rows
        rewrite.addFile(to_data_file(jvm, java_table, location, pile[0], rows))
    proofs.compare(pile[0].place, before, total(contents))
    for file in pile:
        rewrite.deleteFile(file.entry)
    log.debug("act_commits", table=table.name, act="merge")
    rewrite.commit()
    return {
        "files_in": len(pile),
        "files_out": len(locations),
        "bytes": sum(file.size_bytes for file in pile),
        "contents": proofs.contents,
    }


def opened(io: FileIO, location: str) -> pq.ParquetFile:
    """The file in the store, of which only what is asked for is read; close it."""
    # Not buffered ahead: Arrow would hold what it read of each file until that is closed.
    return pq.ParquetFile(io.new_input(location).open(seekable=True))


def survey(
    sources: Iterable[pq.ParquetFile], table: Table, pause: Callable[[], None] = lambda: None
) -> tuple[Content, list[Slice]]:
    """What the files hold, and the slices of time that each fit into memory."""
    contents = []
    bytes_by_minute: dict[int, float] = {}
    for source in sources:
        for batch in _batches(source, pause):
            contents.append(Content.of(batch))
            counts = pc.value_counts(_minutes(batch, table))
            for one in counts.to_pylist():
                share = batch.nbytes * one["counts"] / batch.num_rows
                bytes_by_minute[one["values"]] = bytes_by_minute.get(one["values"], 0) + share
    return total(contents), cut(bytes_by_minute, _SLICE_BYTES)


def cut(bytes_by_minute: dict[int, float], most_bytes: float) -> list[Slice]:
    """Minutes that have rows, in order, put together to slices; one is never cut in two."""
    slices: list[Slice] = []
    held = 0.0
    for minute in sorted(bytes_by_minute):
        if slices and held + bytes_by_minute[minute] <= most_bytes:
            slices[-1] = (slices[-1][0], minute + 1)
            held += bytes_by_minute[minute]
        else:
            slices.append((minute, minute + 1))
            held = bytes_by_minute[minute]
    return slices


def rows_within(
    sources: Iterable[pq.ParquetFile],
    within: Slice,
    table: Table,
    pause: Callable[[], None] = lambda: None,
) -> pa.Table:
    """The rows of a slice of time, from all files, in order."""
    first, end = within
    parts = []
    for source in sources:
        for batch in _batches(source, pause, _groups(source, within, table)):
            minutes = _minutes(batch, table)
            wanted = pc.and_(pc.greater_equal(minutes, first), pc.less(minutes, end))
            parts.append(pa.Table.from_batches([batch.filter(wanted)]))
    return in_order(pa.concat_tables(parts).replace_schema_metadata(None), table)


def _write(
    sources: list[pq.ParquetFile],
    slices: list[Slice],
    table: Table,
    java_table: Any,
    io: FileIO,
    like: LiveFile,
    pause: Callable[[], None],
) -> Iterator[str]:
    """Write slice after slice, into a new file whenever one is full; yields where to."""
    pending = iter(slices)
    within = next(pending, None)
    while within is not None:
        location = new_location(java_table, like)
        output: Any = io.new_output(location)
        schema = sources[0].schema_arrow.remove_metadata()
        with (
            output.create() as stream,
            pq.ParquetWriter(stream, schema, **COMPRESSION) as writer,
        ):
            while within is not None and stream.tell() < TARGET_BYTES:
                rows = rows_within(sources, within, table, pause)
                writer.write_table(rows, row_group_size=_GROUP_ROWS)
                within = next(pending, None)
        yield location


def _batches(
    source: pq.ParquetFile, pause: Callable[[], None], groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    for batch in source.iter_batches(_BATCH_ROWS, row_groups=groups, use_threads=False):
        pause()
        yield batch


def _groups(source: pq.ParquetFile, within: Slice, table: Table) -> list[int]:
    """The row groups that may hold rows of the slice, by their statistics where they have some."""
    found = []
    for number in range(source.num_row_groups):
        group = source.metadata.row_group(number)
        columns = map(group.column, range(group.num_columns))
        [known] = [c.statistics for c in columns if c.path_in_schema == table.day_of]
        if known is None or not known.has_min_max or _overlaps(known, within):
            found.append(number)
    return found


def _minutes(batch: pa.RecordBatch, table: Table) -> pa.Array:
    return pc.divide(batch.column(table.day_of).cast(pa.int64()), _MINUTE_US)


def _overlaps(known: Any, within: Slice) -> bool:
    least, most = (int(time.timestamp() // 60) for time in (known.min, known.max))
    return least < within[1] and most >= within[0]
