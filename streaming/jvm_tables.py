# ruff: noqa: SLF001 (PySpark has no public way to its gateway)
"""Iceberg's own Java tables, through the driver's gateway: what no SQL procedure does cheaply."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from pyspark.sql import SparkSession

from catalog.schema import Table
from streaming.checkpoint import Mark
from streaming.session import CATALOG
from streaming.written import EPOCH_ID, QUERY_ID


def gateway(session: SparkSession) -> Any:
    """The driver's JVM."""
    return session.sparkContext._jvm


def load(session: SparkSession, table: Table) -> Any:
    """The table at its newest metadata, as an `org.apache.iceberg.Table`."""
    return gateway(session).org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
        session._jsparkSession, f"{CATALOG}.{table.identifier}"
    )


def metadata(session: SparkSession, java_table: Any) -> dict[str, Any]:
    """The table's metadata as its specification writes it.

    By one call: a thousand snapshots, asked for one by one, would take some seconds.
    """
    parser = gateway(session).org.apache.iceberg.TableMetadataParser
    parsed: dict[str, Any] = orjson.loads(parser.toJson(java_table.operations().current()))
    return parsed


def delete_files(session: SparkSession, java_table: Any, locations: Sequence[str]) -> None:
    """Delete files from the store, hundreds by one request; those that are gone do not matter."""
    if locations:
        array = gateway(session).java.util.ArrayList()
        for location in locations:
            array.add(location)
        java_table.io().deleteFiles(array)


def ancestors(java_table: Any) -> Iterator[Any]:
    """The snapshots from the tip through the parents, to the first that is expired."""
    snapshot = java_table.currentSnapshot()
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parentId()
        snapshot = None if parent is None else java_table.snapshot(parent)


def size(java_table: Any) -> dict[str, int]:
    """Number of snapshots, tags and data files, and the current snapshot's id."""
    current = java_table.currentSnapshot()
    return {
        "snapshots": len(java_table.snapshots()),
        # One reference is the table's own branch.
        "tags": java_table.refs().size() - 1,
        "snapshot_id": current.snapshotId(),
        "files": int(current.summary().get("total-data-files")),
    }


def newest_mark(java_table: Any) -> tuple[Mark | None, int]:
    """The newest mark of a streaming sink, and how many snapshots lie from the tip to it.

    Both ends are counted; without a mark, all ancestors are.
    """
    depth = 0
    for snapshot in ancestors(java_table):
        depth += 1
        summary = snapshot.summary()
        query_id = summary.get(QUERY_ID)
        if query_id is not None:
            return Mark(query_id, int(summary.get(EPOCH_ID))), depth
    return None, depth


def activate(session: SparkSession) -> Any:
    """Make the session the thread's active one, where Iceberg's actions look for their catalogs.

    Returns the actions, an `org.apache.iceberg.spark.actions.SparkActions`.
    """
    jvm: Any = session.sparkContext._jvm
    jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(session._jsparkSession)
    return jvm.org.apache.iceberg.spark.actions.SparkActions.get(session._jsparkSession)


def between(session: SparkSession, column: str, first: int, end: int) -> Any:
    """Iceberg's expression for `first <= column < end`."""
    jvm: Any = session.sparkContext._jvm
    expressions = jvm.org.apache.iceberg.expressions.Expressions
    return getattr(expressions, "and")(
        expressions.greaterThanOrEqual(column, first), expressions.lessThan(column, end)
    )


def first_line(error: Exception) -> str:
    """What happened, in a line; py4j puts the Java exception after a line about the call."""
    java_exception = getattr(error, "java_exception", None)
    try:
        text = str(error if java_exception is None else java_exception.toString())
    except Exception:  # noqa: BLE001 (the JVM that could tell is gone)
        return type(error).__name__
    lines = [line.strip(": ") for line in text.splitlines() if line.strip(": ")]
    return next((line for line in lines if not line.startswith("An error occurred")), repr(error))
