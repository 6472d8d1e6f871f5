"""Iceberg's side of the schema: types, table partitions and properties; and making the tables.

Tables are made here and never by Spark, each with an empty first snapshot so that every moment
resolves in every table.
"""

import contextlib

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import DayTransform, IdentityTransform
from pyiceberg.types import (
    BinaryType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from catalog.errors import LakeError
from catalog.schema import NAMESPACE, TABLES, TRADES, Column, ColumnType, Table

_PLAIN_TYPES: dict[ColumnType, IcebergType] = {
    ColumnType.TEXT: StringType(),
    ColumnType.BYTES: BinaryType(),
    ColumnType.INT: IntegerType(),
    ColumnType.LONG: LongType(),
    ColumnType.DOUBLE: DoubleType(),
    ColumnType.TIME: TimestamptzType(),
}

# Why each is set on purpose:
PROPERTIES: dict[str, str] = {
    # For batches: one file per table partition, without the second pass of range distribution. The
    # stream of trades asks for `none` itself, since its tasks hold whole symbols.
    "write.distribution-mode": "hash",
    "write.parquet.compression-codec": "zstd",
    # A commit rewrites the metadata file; without this every old one stays in the store for ever.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # New manifests are merged once this many have gathered (streaming appends merge too, see the
    # sink's option), so that planning does not slow down with the number of commits. Each is read
    # by a request of its own: the more at once, the longer that one commit.
    "commit.manifest.min-count-to-merge": "10",
    # Stream, care and tags meet only at the catalog's pointer: losing the race means trying again.
    "commit.retry.num-retries": "20",
    "commit.retry.min-wait-ms": "50",
    "commit.retry.max-wait-ms": "2000",
    # Care owns expiry; nothing else may drop a snapshot.
    "history.expire.max-snapshot-age-ms": str(400 * 24 * 3600 * 1000),
}


def to_iceberg_schema(table: Table) -> Schema:
    """The table's Iceberg schema; field ids follow the columns' order."""
    fields = []
    element_id = len(table.columns) + 1
    for field_id, column in enumerate(table.columns, start=1):
        if column.type is ColumnType.INTS:
            # Required elements, pyiceberg's default, would make Spark refuse to write.
            kind: IcebergType = ListType(element_id, IntegerType(), element_required=False)
            element_id += 1
        else:
            kind = _PLAIN_TYPES[column.type]
        fields.append(NestedField(field_id, column.name, kind, column.required, doc=column.doc))
    return Schema(*fields)


def to_partition_spec(table: Table) -> PartitionSpec:
    """The table's partitions: by day of one time, then by the identity of the others."""
    schema = to_iceberg_schema(table)
    day = PartitionField(
        schema.find_field(table.day_of).field_id, 1000, DayTransform(), f"{table.day_of}_day"
    )
    others = [
        PartitionField(schema.find_field(name).field_id, 1001 + place, IdentityTransform(), name)
        for place, name in enumerate(table.by)
    ]
    return PartitionSpec(day, *others)


def ensure_tables(catalog: Catalog) -> list[str]:
    """Make the namespace and each table that is absent; returns the names of those made.

    Safe to run again and from several processes at once. Raises LakeError when a table exists with
    other columns than ours.
    """
    with contextlib.suppress(NamespaceAlreadyExistsError):
        catalog.create_namespace(NAMESPACE)
    # Asked first, because SeaweedFS answers a second creation with the table that is there.
    present = {identifier[-1] for identifier in catalog.list_tables(NAMESPACE)}
    made = []
    # `trades` last: a moment of it must find the others' first snapshots already there.
    for table in sorted(TABLES, key=lambda table: table is TRADES):
        if table.name in present:
            iceberg = catalog.load_table(table.identifier)
        else:
            iceberg = catalog.create_table_if_not_exists(
                table.identifier,
                to_iceberg_schema(table),
                partition_spec=to_partition_spec(table),
                properties=PROPERTIES,
            )
            made.append(table.name)
        _check_columns(table, iceberg)
        if iceberg.current_snapshot() is None:
            iceberg.append(pa.Table.from_pylist([], schema=iceberg.schema().as_arrow()))
    return made


def _check_columns(table: Table, iceberg: IcebergTable) -> None:
    ours = {column.name: str(_iceberg_type(column)) for column in table.columns}
    theirs = {field.name: str(field.field_type) for field in iceberg.schema().fields}
    if ours != theirs:
        differing = sorted(dict(ours.items() ^ theirs.items()))
        raise LakeError(
            f"Table {table.identifier} exists with other columns than this version's: {differing}."
            " It was made by another version; use another home or warehouse."
        )


def _iceberg_type(column: Column) -> str:
    return "list<int>" if column.type is ColumnType.INTS else str(_PLAIN_TYPES[column.type])
