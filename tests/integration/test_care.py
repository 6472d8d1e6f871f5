"""Care beside a stream of one second: fewer files, the same rows, at every kept moment."""

import json

import pytest

from catalog.client import connect
from catalog.schema import TRADES
from infra.connections import keeper_status
from infra.home import Home
from serving import Lake
from tests.support.instance import Instance, wait_until

pytestmark = pytest.mark.integration

ROWS = """
    WITH rows AS (SELECT * FROM lake.market.trades AT (VERSION => {}))
    SELECT count(*), bit_xor(hash(rows)), count(DISTINCT (kafka_partition, kafka_offset))
    FROM rows
"""
PLACES = "SELECT kafka_partition, kafka_offset FROM lake.market.trades AT (VERSION => {})"


@pytest.fixture(scope="module")
def cared_for(tmp_path_factory):
    instance = Instance(
        tmp_path_factory.mktemp("care") / "home",
        ("--feed", "simulator", "--rate", "200", "--trigger", "1", "--no-dashboard"),
        environment={"TAPEHOUSE_CARE_SECONDS": "5"},
    )
    instance.start()
    yield instance
    instance.stop()


def replaced(instance):
    """The snapshots that only moved rows, with their parents."""
    snapshots = connect(instance.lake_settings()).load_table(TRADES.identifier).snapshots()
    return [one for one in snapshots if one.summary and one.summary.operation.value == "replace"]


def test_folding_files_changes_no_row_at_any_moment(cared_for):
    wait_until(lambda: len(replaced(cared_for)) >= 3, 120, "three foldings")
    for snapshot in replaced(cared_for):
        [after] = cared_for.lake_rows(ROWS.format(snapshot.snapshot_id))
        [before] = cared_for.lake_rows(ROWS.format(snapshot.parent_snapshot_id))
        assert before == after
        rows, _, positions = after
        assert rows == positions > 0
        assert int(snapshot.summary["deleted-data-files"]) > int(
            snapshot.summary["added-data-files"]
        )


def test_every_snapshot_holds_a_prefix_of_each_topic_partition(cared_for):
    """What differences and histories go by (docs/decisions/0017)."""
    with Lake.open(cared_for.lake_settings()) as lake:
        kept = [one.snapshot_id for one in lake.snapshots()]
        of_all = lake.sql(PLACES.format(kept[-1])).to_pydict()
        newest = set(zip(*of_all.values(), strict=True))
        for snapshot_id in kept[:: max(1, len(kept) // 20)]:
            held = set(zip(*lake.sql(PLACES.format(snapshot_id)).to_pydict().values(), strict=True))
            last = dict(sorted(held))
            assert held == {(p, offset) for p, offset in newest if offset <= last.get(p, -1)}


def test_the_command_line_tells_what_was_added_while_files_were_folded(cared_for):
    snapshots = json.loads(cared_for.cli("snapshots", "--format", "json"))
    a, b = (str(snapshots[n]["snapshot_id"]) for n in (1, -1))
    rows = {one["snapshot_id"]: one["total_rows"] for one in snapshots}
    counts = json.loads(cared_for.cli("diff", a, b, "--format", "json"))
    assert sum(one["added"] for one in counts) == rows[int(b)] - rows[int(a)] > 0
    trades = json.loads(cared_for.cli("diff", a, b, "--level", "trades", "--format", "json"))
    assert len(trades) == sum(one["added"] for one in counts)
    first = trades[0]
    steps = json.loads(
        cared_for.cli("history", first["symbol"], first["event_time"], "--format", "json")
    )
    bars = json.loads(
        cared_for.cli(
            "bars", first["symbol"], "--start", first["event_time"][:16], "--format", "json"
        )
    )
    assert "compaction" in {step["kind"] for step in steps}
    assert (steps[-1]["close"], steps[-1]["volume"]) == (bars[0]["close"], bars[0]["volume"])


def test_pyiceberg_reads_a_folded_file_as_it_reads_any(cared_for):
    table = connect(cared_for.lake_settings()).load_table(TRADES.identifier)
    [newest] = replaced(cared_for)[-1:]
    rows = table.scan(snapshot_id=newest.snapshot_id).to_arrow()
    [(count, *_)] = cared_for.lake_rows(ROWS.format(newest.snapshot_id))
    assert rows.num_rows == count
    assert rows.schema.names == list(TRADES.column_names)


def test_acts_of_care_are_told(cared_for):
    acts = keeper_status(Home(cared_for.home))["care"]["runs"]
    folds = [act for act in acts if act["act"] == "fold" and act["table"] == "trades"]
    assert folds
    assert not [act for act in acts if "error" in act]
    assert all(act["files_in"] > act["files_out"] for act in folds)
