"""What `tapehouse snapshots` tells, against tables that pyiceberg has written."""

from datetime import UTC, datetime

import pytest

from catalog.history import History, Snapshot
from catalog.schema import TRADES
from catalog.tables import ensure_tables
from serving.snapshots import snapshots_table, with_offsets
from tests.support.local_lake import Row, to_arrow
from tests.support.memory_catalog import MemoryCatalog

T = 1_700_000_000_000_000


@pytest.fixture
def catalog(tmp_path):
    catalog = MemoryCatalog(tmp_path)
    ensure_tables(catalog)
    return catalog


def append(catalog, *places):
    table = catalog.load_table(TRADES.identifier)
    rows = [
        Row(f"SYM{place}", T + offset, 1.0, 1.0, kafka_partition=place, kafka_offset=offset)
        for place, offset in places
    ]
    table.append(to_arrow(rows, table.schema().as_arrow()))
    return table.current_snapshot().snapshot_id


def listed(catalog, last=None):
    table = catalog.load_table(TRADES.identifier)
    return snapshots_table(History.of("trades", table), last), table


def test_each_commit_is_told_with_what_it_did_and_its_tags(catalog):
    snapshot_id = append(catalog, (0, 1), (0, 2), (1, 1))
    table = catalog.load_table(TRADES.identifier)
    table.manage_snapshots().create_tag(snapshot_id, "b").create_tag(snapshot_id, "a").commit()
    empty, filled = listed(catalog)[0].to_pylist()
    assert (empty["kind"], empty["added_rows"], empty["tags"]) == ("append", 0, [])
    assert filled.pop("committed_at").tzinfo is not None
    assert filled == {
        "snapshot_id": snapshot_id,
        "kind": "append",
        "added_rows": 3,
        "total_rows": 3,
        "added_files": 2,
        "total_files": 2,
        "tags": ["a", "b"],
    }


def test_only_the_newest_are_told_when_so_asked(catalog):
    newest = [append(catalog, (0, offset)) for offset in range(3)][-2:]
    assert listed(catalog, last=2)[0]["snapshot_id"].to_pylist() == newest
    assert listed(catalog, last=99)[0].num_rows == 4


def test_a_compaction_adds_no_row_and_a_correction_may_take_some():
    when = datetime(2026, 11, 20, tzinfo=UTC)
    moved = {"added-records": "9", "deleted-records": "9", "added-data-files": "1"}
    removed = {"deleted-records": "4"}
    history = History(
        "trades",
        (
            Snapshot(1, None, when, "replace", moved),
            Snapshot(2, 1, when, "delete", removed),
        ),
        {},
    )
    rows = snapshots_table(history, None).to_pylist()
    assert [(row["kind"], row["added_rows"]) for row in rows] == [
        ("compaction", 0),
        ("correction", -4),
    ]


def test_offsets_are_those_that_the_commit_itself_brought(catalog):
    append(catalog, (0, 0), (0, 1), (1, 5))
    append(catalog, (0, 2), (0, 7))
    told = with_offsets(*listed(catalog))
    assert told["offsets"].to_pylist() == [None, "0:0-1, 1:5-5", "0:2-7"]
    assert told.column_names[-2:] == ["offsets", "tags"]


def test_offsets_of_a_commit_that_merged_manifests_are_its_own_alone(catalog):
    with catalog.load_table(TRADES.identifier).transaction() as changes:
        changes.set_properties({"commit.manifest-merge.enabled": "true"})
    for offset in range(12):
        append(catalog, (0, offset))
    table = catalog.load_table(TRADES.identifier)
    assert len(table.current_snapshot().manifests(table.io)) < 12, "none were merged"
    told = with_offsets(*listed(catalog))
    assert told["offsets"].to_pylist() == [None, *(f"0:{n}-{n}" for n in range(12))]


def test_a_file_that_mixes_topic_partitions_does_not_tell_whose_offset_is_whose(catalog):
    table = catalog.load_table(TRADES.identifier)
    rows = [
        Row("ONE", T, 1.0, 1.0, kafka_partition=place, kafka_offset=offset)
        for place, offset in ((0, 3), (1, 9))
    ]
    table.append(to_arrow(rows, table.schema().as_arrow()))
    assert with_offsets(*listed(catalog))["offsets"].to_pylist() == [None, None]
