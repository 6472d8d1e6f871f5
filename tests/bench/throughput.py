"""Trades a second at each stage, over the recorded day, and what a trade costs on disk."""

import time
from pathlib import Path

from catalog.client import connect
from catalog.moments import History
from catalog.schema import TRADES
from ingest.programs import Recorded
from ingest.replay import replay
from tests.bench.figures import Figure, percentile
from tests.support.instance import Instance, wait_until

RUNS = 3


def measure(home: Path, recording: Path) -> list[Figure]:
    """Socket to Kafka alone (the stream is stopped), then Kafka to table, then compacted size."""
    instance = Instance(home, ("--feed", "none", "--no-dashboard"))
    instance.start()
    try:
        instance.stop_service("stream")
        rates = []
        trades = 0
        for _ in range(RUNS):
            outcome = replay(Recorded.of(recording), None, instance.broker_settings())
            rates.append(outcome.acknowledged_trades / outcome.seconds)
            trades += outcome.acknowledged_trades
        figures = [
            Figure(
                "socket to Kafka", "median", percentile(rates, 0.5), "trades/s", RUNS, ">= 20,000"
            ),
            Figure("socket to Kafka", "slowest", min(rates), "trades/s", RUNS),
        ]
        started = time.monotonic()
        instance.start_service("stream")
        wait_until(lambda: _stored(instance) >= trades, 600, "the table to hold every trade")
        whole = time.monotonic() - started
        return [*figures, *_catch_up(instance, trades, whole), *_size(instance)]
    finally:
        instance.stop()


def _history(instance: Instance) -> History:
    table = connect(instance.lake_settings()).load_table(TRADES.identifier)
    return History.of(TRADES.name, table)


def _stored(instance: Instance) -> int:
    return int(_history(instance).tip.summary.get("total-records", 0))


def _catch_up(instance: Instance, trades: int, whole_seconds: float) -> list[Figure]:
    commits = [
        (snapshot.committed_at, int(snapshot.summary["added-records"]))
        for snapshot in _history(instance).snapshots
        # A first micro-batch with nothing to read commits an empty snapshot.
        if {"spark.sql.streaming.epochId", "added-records"} <= snapshot.summary.keys()
    ]
    seconds = (commits[-1][0] - commits[0][0]).total_seconds()
    steady = sum(rows for _, rows in commits[1:]) / seconds
    bench = "Kafka to table catch-up"
    return [
        Figure(bench, "after the first commit", steady, "rows/s", len(commits) - 1, ">= 60,000"),
        Figure(bench, "with Spark's start", trades / whole_seconds, "rows/s", trades),
    ]


def _size(instance: Instance) -> list[Figure]:
    """Wait until care has compacted the day, then weigh what the tip's data files hold."""

    def files() -> list[tuple[int, int]]:
        table = connect(instance.lake_settings()).load_table(TRADES.identifier)
        listed = table.inspect.files().to_pydict()
        return list(zip(listed["file_size_in_bytes"], listed["record_count"], strict=True))

    symbols = 4
    wait_until(lambda: len(files()) <= 2 * symbols, 300, "care to compact the day")
    compacted = files()
    trades = sum(rows for _, rows in compacted)
    size = sum(size for size, _ in compacted) / trades
    return [Figure("stored, compacted", "bytes a trade", size, "B", trades)]
