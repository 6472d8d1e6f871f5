"""A home as its user finds it: what the commands print, and that the next start goes on."""

import csv
import io
import json
from datetime import datetime

import pytest

from catalog.client import connect
from catalog.schema import TABLES, TRADES
from tests.support.exactly_once import in_tables, in_topic, produce, stored
from tests.support.instance import wait_until

pytestmark = pytest.mark.integration

COUNT = "SELECT symbol, count(*) AS trades FROM trades WHERE symbol IN ('T0', 'T1') GROUP BY ALL"


@pytest.fixture(scope="module")
def moment(instance) -> tuple[int, list[dict[str, object]]]:
    """A snapshot with an answer that later trades have changed."""
    store_more(instance)
    snapshot = trades(instance).current_snapshot().snapshot_id
    answer = instance.sql(f"{COUNT} ORDER BY 1")
    assert [row["symbol"] for row in answer] == ["T0", "T1"]
    store_more(instance)
    assert instance.sql(f"{COUNT} ORDER BY 1") != answer
    return snapshot, answer


def store_more(instance):
    before = stored(instance)
    produce(instance, 14)
    wait_until(lambda: stored(instance) >= before + 14, 60, "the trades to be stored")


def trades(instance):
    return connect(instance.lake_settings()).load_table(TRADES.identifier)


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def read_table(text):
    names, *rows = [line.split() for line in text.splitlines() if line.strip()]
    return [dict(zip(names, row, strict=True)) for row in rows]


def as_texts(rows):
    def as_text(value):
        return " ".join(value) if isinstance(value, list) else str(value)

    return [{name: as_text(value) for name, value in row.items()} for row in rows]


def test_a_moment_is_asked_by_its_snapshot_or_by_a_time_in_every_format(instance, moment):
    snapshot, answer = moment
    committed_ms = trades(instance).snapshot_by_id(snapshot).timestamp_ms
    time = datetime.fromtimestamp(committed_ms / 1000).astimezone().isoformat()
    query = f"{COUNT} ORDER BY 1"
    for as_of in (str(snapshot), time):
        ask = ("sql", query, "--as-of", as_of)
        assert json.loads(instance.cli(*ask, "--format", "json")) == answer
        assert read_csv(instance.cli(*ask, "--format", "csv")) == as_texts(answer)
        assert read_table(instance.cli(*ask)) == as_texts(answer)


def test_snapshots_are_listed_in_every_format_oldest_first(instance, moment):
    listed = json.loads(instance.cli("snapshots", "--format", "json"))
    times = [datetime.fromisoformat(row["committed_at"]) for row in listed]
    assert times == sorted(times)
    [named] = [row for row in listed if row["snapshot_id"] == moment[0]]
    summary = trades(instance).snapshot_by_id(moment[0]).summary
    assert named["total_rows"] == int(summary.additional_properties["total-records"])
    lines = read_csv(instance.cli("snapshots", "--format", "csv"))
    assert {name: lines[0][name] for name in named} == as_texts(listed)[0]
    table = instance.cli("snapshots")
    assert all(str(row["snapshot_id"]) in table for row in listed)


def test_status_in_words_tells_of_services_offsets_and_tables(instance, moment):
    told = instance.cli("status")
    lines = [line.split() for line in told.splitlines()]
    for service in ("store", "kafka", "stream", "dashboard"):
        assert any(line[:2] == [service, "running"] for line in lines), told
    offsets = [line[1:] for line in lines if line[:1] == ["stock-ticks"]]
    assert [int(line[0]) for line in offsets] == [0, 1]
    assert sum(int(line[1]) for line in offsets) >= stored(instance)
    assert {line[0] for line in lines if line} >= {table.name for table in TABLES}


def test_the_next_start_goes_on_from_what_is_there(instance):
    store_more(instance)
    before = in_topic(instance)
    wait_until(lambda: set(in_tables(instance)) == before, 60, "the tables to hold the topic")
    snapshot = trades(instance).current_snapshot().snapshot_id
    # Some of these are stored before the stop, some after the start.
    produce(instance, 500)
    instance.stop()
    instance.start()
    produce(instance, 50)
    topic = in_topic(instance)
    wait_until(lambda: set(in_tables(instance)) == topic, 90, "the tables to hold the topic")
    tables = in_tables(instance)
    assert max(tables.values()) == 1
    assert before < topic
    assert len(topic) == len(before) + 550
    assert snapshot in {one.snapshot_id for one in trades(instance).snapshots()}
