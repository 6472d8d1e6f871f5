"""Spark's end of Iceberg: the exactly-once sink of trades, and the idempotent one of the rest."""

from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as sf
from pyspark.sql.streaming.query import StreamingQuery

from catalog.schema import TRADES, Table
from streaming.session import CATALOG

POSITION = ["kafka_topic", "kafka_partition", "kafka_offset"]


def append_trades(rows: DataFrame, checkpoint: Path, trigger_seconds: float) -> StreamingQuery:
    """Start Iceberg's own streaming append: each micro-batch once, by query id and epoch."""
    return (
        rows.writeStream.format("iceberg")
        .outputMode("append")
        .queryName(TRADES.name)
        .trigger(processingTime=f"{trigger_seconds} seconds")
        .option("checkpointLocation", str(checkpoint))
        # Fold small manifests into one as they come: a fast append would leave one for each commit.
        .option("use-merge-append-for-streaming", "true")
        # A symbol lives in one topic partition, so in one task: a shuffle would not save one file.
        .option("distribution-mode", "none")
        # Rows come in the order of offsets, not of table partitions: keep a file open for each.
        .option("fanout-enabled", "true")
        .option("compression-codec", "zstd")
        .toTable(f"{CATALOG}.{TRADES.identifier}")
    )


def append(rows: DataFrame, table: Table) -> None:
    """Append a batch of rows in one commit."""
    name = f"{CATALOG}.{table.identifier}"
    rows.writeTo(name).option("fanout-enabled", "true").append()


def without_held(rows: DataFrame, table: Table, first_offset: int) -> DataFrame:
    """The rows whose message the table does not hold; all offsets are `first_offset` or more."""
    held = rows.sparkSession.table(f"{CATALOG}.{table.identifier}")
    held = held.where(sf.col("kafka_offset") >= first_offset).select(*POSITION)
    return rows.join(held, POSITION, "left_anti").select(*table.column_names)
