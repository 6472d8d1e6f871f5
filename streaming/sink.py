"""Spark's end of Iceberg: the exactly-once sink of trades, and the idempotent one of the rest."""

from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

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
        # Rows arrive in the order of their offsets, not of table partitions: keep a file open for each.
        .option("fanout-enabled", "true")
        .option("compression-codec", "zstd")
        .toTable(f"{CATALOG}.{TRADES.identifier}")
    )


def append_new(rows: DataFrame, table: Table) -> int:
    """Append the rows whose message the table does not hold yet; returns how many there were.

    May be called again with the same rows: that is what makes `foreachBatch` idempotent. Appends
    nothing, not even an empty snapshot, when there is nothing new.
    """
    name = f"{CATALOG}.{table.identifier}"
    first = rows.agg(F.min("kafka_offset")).first()
    if first is None or first[0] is None:
        return 0
    held = rows.sparkSession.table(name).where(F.col("kafka_offset") >= first[0])
    new = rows.join(held.select(*POSITION), POSITION, "left_anti").select(*table.column_names)
    new = new.localCheckpoint()
    count = new.count()
    if count:
        new.writeTo(name).option("fanout-enabled", "true").append()
    return count
