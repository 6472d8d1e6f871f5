"""A table's data files: which there are, and how one that we have written becomes one of them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote_plus
from uuid import uuid4

import pyarrow as pa
from pyiceberg.io import FileIO

from catalog.errors import LakeError
from catalog.schema import Table

_DAY = timedelta(days=1)
# What we have written is sorted by event time; a name is the cheapest place to note it.
_SORTED = "sorted-"
# The level is Spark's, so that compacting makes no file larger.
COMPRESSION: dict[str, Any] = {"compression": "zstd", "compression_level": 3}


class LiveFile(NamedTuple):
    """A data file of a table's current snapshot; `entry` is Iceberg's Java object for it.

    `place` is its table partition as a path, such as `event_time_day=2026-01-02/symbol=AAPL`.
    """

    entry: Any
    place: str
    location: str
    size_bytes: int

    @property
    def day(self) -> date:
        """That of its table partition, the first field of which is a day in every table."""
        return date.fromisoformat(self.place.split("/", 1)[0].rsplit("=", 1)[1])

    @property
    def is_sorted(self) -> bool:
        """Whether its rows are known to be in the order of event time."""
        return self.location.rsplit("/", 1)[1].startswith(_SORTED)


def live_files(
    jvm: Any, java_table: Any, table: Table, since: date | None, until: date | None = None
) -> Iterator[LiveFile]:
    """The files of the table's current snapshot, of all days, or from one on, or up to one."""
    scan = java_table.newScan()
    expressions = jvm.org.apache.iceberg.expressions.Expressions
    if since is not None:
        scan = scan.filter(expressions.greaterThanOrEqual(table.day_of, _micros(since)))
    if until is not None:
        scan = scan.filter(expressions.lessThan(table.day_of, _micros(until + _DAY)))
    spec = java_table.spec()
    tasks = scan.planFiles()
    each = tasks.iterator()
    try:
        while each.hasNext():
            entry = each.next().file()
            place = spec.partitionToPath(entry.partition())
            # A row without its day cannot be, and if it were, would be left alone.
            if entry.specId() == spec.specId() and not place.split("/", 1)[0].endswith("=null"):
                yield LiveFile(entry, place, entry.location(), entry.fileSizeInBytes())
    finally:
        tasks.close()


def symbols_on(jvm: Any, java_table: Any, table: Table, day: date) -> frozenset[str]:
    """The symbols that have rows on a day, by the names of the table partitions."""
    places = {file.place for file in live_files(jvm, java_table, table, day, day)}
    return frozenset(unquote_plus(place.rsplit("=", 1)[1]) for place in places)


def new_location(java_table: Any, like: LiveFile) -> str:
    """Where to write sorted rows of the same table partition."""
    name = f"{_SORTED}{uuid4()}.parquet"
    location: str = java_table.locationProvider().newDataLocation(
        java_table.spec(), like.entry.partition(), name
    )
    return location


def to_data_file(jvm: Any, java_table: Any, location: str, like: LiveFile, rows: int) -> Any:
    """Iceberg's Java object for a file that we have written, measured as it lies in the store.

    Raises LakeError when it does not hold so many rows.
    """
    written = java_table.io().newInputFile(location)
    iceberg = jvm.org.apache.iceberg
    metrics = iceberg.parquet.ParquetUtil.fileMetrics(
        written, iceberg.MetricsConfig.forTable(java_table)
    )
    if metrics.recordCount() != rows:
        raise LakeError(
            f"The compacted file {location} holds {metrics.recordCount()} rows, not {rows}: it is"
            " not used. Is the store sound?"
        )
    return (
        iceberg.DataFiles.builder(java_table.spec())
        .withPath(location)
        .withFormat("parquet")
        .withPartition(like.entry.partition())
        .withFileSizeInBytes(written.getLength())
        .withMetrics(metrics)
        .build()
    )


def read_whole(io: FileIO, location: str) -> bytes:
    """All bytes of a small file, by one request."""
    with io.new_input(location).open(seekable=False) as stream:
        return bytes(stream.read())


def in_order(rows: pa.Table, table: Table) -> pa.Table:
    """By event time, so that a reader can skip what it does not look for."""
    return rows.sort_by([(table.day_of, "ascending"), ("kafka_offset", "ascending")])


def _micros(day: date) -> int:
    return (day - date(1970, 1, 1)) // timedelta(microseconds=1)
