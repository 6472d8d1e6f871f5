"""A whole recorded trading day through the real client, Kafka, Spark and Iceberg, row by row."""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.expressions import EqualTo

from catalog.client import connect
from catalog.schema import TRADES
from tests.support.instance import to_tuples
from tests.support.recordings import CRYPTO, DAY, MINUTE_VOLUMES, read_expected

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent
NEW_YORK = ZoneInfo("America/New_York")
SESSION = (time(9, 30), time(16, 0))
SESSION_MINUTES = 390

# Through its text a double becomes the same decimal in every engine; DuckDB's direct cast
# multiplies in binary and is off in the last places of a large value.
PER_MINUTE = """
    SELECT symbol, date_trunc('minute', event_time) AS minute, count(*) AS trades,
        sum(CAST(CAST(size AS STRING) AS DECIMAL(38, 12))) AS volume,
        sum(CAST(CAST(price * size AS STRING) AS DECIMAL(38, 12))) AS traded_value
    FROM {table} GROUP BY symbol, date_trunc('minute', event_time) ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Replayed:
    """A recording, its trades by an independent reading, and what `tapehouse replay` said."""

    name: str
    expected: pa.Table
    report: dict[str, Any]


@pytest.fixture(scope="module")
def replay(instance, test_data):
    """Replays a recording into the shared instance, once a module."""
    done: dict[str, Replayed] = {}

    def run(filename: str) -> Replayed:
        folder = test_data if (test_data / filename).exists() else ROOT / "tests" / "data"
        path = folder / filename
        if filename not in done:
            report = json.loads(
                instance.cli("replay", str(path), "--speed", "max", "--json", timeout=900)
            )
            done[filename] = Replayed(filename.partition(".")[0], read_expected(path), report)
        return done[filename]

    return run


MADE_UP = "made-up.frames.jsonl"
RECORDINGS = {MADE_UP: None, CRYPTO: 2_001, DAY: 388_417}


@pytest.fixture(
    params=[
        MADE_UP,
        pytest.param(CRYPTO, marks=pytest.mark.recordings),
        pytest.param(DAY, marks=pytest.mark.recordings),
    ],
    ids=lambda name: name.split(".")[0],
)
def replayed(request, replay):
    recording = replay(request.param)
    known = RECORDINGS[request.param]
    assert known in {None, recording.expected.num_rows}
    return recording


@pytest.fixture
def stored(replayed, instance):
    """The recording's rows as pyiceberg reads them."""
    table = connect(instance.lake_settings()).load_table(TRADES.identifier)
    return table.scan(row_filter=EqualTo("source", replayed.name)).to_arrow()


def test_the_report_accounts_for_every_trade(replayed):
    report, trades = replayed.report, replayed.expected.num_rows
    assert {key: report[key] for key in ("sent", "acknowledged", "stored", "rejected")} == {
        "sent": trades,
        "acknowledged": trades,
        "stored": trades,
        "rejected": 0,
    }


def test_every_row_is_there_once_and_exactly(replayed, stored):
    def rows(table: pa.Table) -> Counter[tuple[Any, ...]]:
        columns = table.select(replayed.expected.column_names).to_pydict()
        columns["conditions"] = [c if c is None else tuple(c) for c in columns["conditions"]]
        return Counter(zip(*columns.values(), strict=True))

    assert rows(stored) == rows(replayed.expected)


def test_a_symbols_offsets_keep_the_recordings_order(replayed, stored):
    ordered = stored.sort_by([("kafka_partition", "ascending"), ("kafka_offset", "ascending")])
    for symbol in set(replayed.expected["symbol"].to_pylist()):
        mine, theirs = (
            table.filter(pa.compute.equal(table["symbol"], symbol)).select(["event_time", "price"])
            for table in (ordered, replayed.expected)
        )
        assert mine.cast(theirs.schema).equals(theirs)


def test_offsets_are_distinct_and_gapless(replayed, instance):
    for row in instance.sql(
        """SELECT kafka_partition, count(*) AS rows, count(DISTINCT kafka_offset) AS offsets,
            max(kafka_offset) - min(kafka_offset) + 1 AS span, min(kafka_offset) AS first
        FROM (SELECT kafka_partition, kafka_offset FROM trades UNION ALL
              SELECT kafka_partition, kafka_offset FROM rejected WHERE kafka_topic = 'stock-ticks')
        GROUP BY kafka_partition"""
    ):
        assert row["rows"] == row["offsets"] == row["span"]
        assert row["first"] == 0


def test_three_engines_agree_with_the_recording_minute_by_minute(replayed, stored, instance):
    of_it = f"(SELECT * FROM {{}} WHERE source = '{replayed.name}') AS of_it"
    answers = {
        "pyiceberg": to_tuples(_ask(stored)),
        "DuckDB": instance.lake_rows(PER_MINUTE.format(table=of_it.format("trades"))),
        "Spark": instance.spark_rows(
            PER_MINUTE.format(table=of_it.format(f"lake.{TRADES.identifier}"))
        ),
    }
    expected = to_tuples(_ask(replayed.expected))
    for engine, answer in answers.items():
        assert answer == expected, engine


@pytest.mark.recordings
def test_the_days_volumes_agree_with_an_independent_source(replay, instance, test_data):
    day = replay(DAY)
    independent = _session_minutes(test_data / MINUTE_VOLUMES)
    stored = {
        (row["symbol"], datetime.fromisoformat(row["minute"]).astimezone(UTC)): row["volume"]
        for row in instance.sql(
            f"""SELECT symbol, date_trunc('minute', event_time) AS minute,
                CAST(sum(CAST(size AS DECIMAL(38, 12))) AS DOUBLE) AS volume
            FROM trades WHERE source = '{day.name}' GROUP BY ALL"""
        )
    }
    for symbol in ("SPY", "BAC", "AIG", "IBM"):
        minutes = {key: volume for key, volume in independent.items() if key[0] == symbol}
        equal = sum(stored.get(key) == volume for key, volume in minutes.items())
        # A minute that the independent source lacks counts against us.
        assert len(minutes) <= SESSION_MINUTES
        assert equal / SESSION_MINUTES >= 0.985, f"{symbol}: {equal}"


def _ask(trades_of_it: pa.Table) -> pa.Table:
    """The sums of rows already in memory."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("trades_of_it", trades_of_it)
        return connection.execute(PER_MINUTE.format(table="trades_of_it")).to_arrow_table()


def _session_minutes(path: Path) -> dict[tuple[str, datetime], float]:
    with path.open() as file:
        rows = [
            (row["symbol"], datetime.fromisoformat(row["bar_start"]), float(row["volume"]))
            for row in csv.DictReader(file)
        ]
    return {
        (symbol, start): volume
        for symbol, start, volume in rows
        if SESSION[0] <= start.astimezone(NEW_YORK).time() < SESSION[1]
    }
