"""Care beside a stream of one second: fewer files, the same rows, at every kept moment."""

import json
import signal
import time

import psutil
import pytest

from catalog.client import connect
from catalog.errors import LakeError
from catalog.schema import TRADES
from infra.connections import keeper_status
from infra.home import Home
from serving import Lake
from tests.support.instance import Instance, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROWS = """
    WITH rows AS (SELECT * FROM lake.market.trades AT (VERSION => {}))
    SELECT count(*), bit_xor(hash(rows)), count(DISTINCT (kafka_partition, kafka_offset))
    FROM rows
"""
# Each message of the topic is in one of the two tables, once.
HOLES = """
    SELECT kafka_partition, count(*), count(DISTINCT kafka_offset), max(kafka_offset) + 1
    FROM (
        SELECT kafka_partition, kafka_offset FROM trades UNION ALL
        SELECT kafka_partition, kafka_offset FROM rejected WHERE kafka_topic = 'stock-ticks'
    ) GROUP BY ALL
"""
PLACES = "SELECT kafka_partition, kafka_offset FROM lake.market.trades AT (VERSION => {})"


@pytest.fixture(scope="module")
def cared_for(tmp_path_factory):
    instance = Instance(
        tmp_path_factory.mktemp("care") / "home",
        ("--feed", "simulator", "--rate", "200", "--trigger", "1", "--no-dashboard"),
        environment={"TAPEHOUSE_CARE_SECONDS": "5", "TAPEHOUSE_LOG_LEVEL": "DEBUG"},
    )
    instance.start()
    yield instance
    instance.stop()


def trades_of(instance):
    return connect(instance.lake_settings()).load_table(TRADES.identifier)


def replaced(instance):
    """The snapshots that only moved rows, with their parents."""
    snapshots = trades_of(instance).snapshots()
    return [one for one in snapshots if one.summary and one.summary.operation.value == "replace"]


def acts_of(instance, name):
    acts = keeper_status(Home(instance.home))["care"]["runs"]
    return [act for act in acts if act["act"] == name and act["table"] == "trades"]


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
    [newest] = replaced(cared_for)[-1:]
    rows = trades_of(cared_for).scan(snapshot_id=newest.snapshot_id).to_arrow()
    [(count, *_)] = cared_for.lake_rows(ROWS.format(newest.snapshot_id))
    assert rows.num_rows == count
    assert rows.schema.names == list(TRADES.column_names)


def test_acts_of_care_are_told_with_the_content_of_what_they_moved(cared_for):
    acts = keeper_status(Home(cared_for.home))["care"]["runs"]
    folds = acts_of(cared_for, "fold")
    assert folds
    assert not [act for act in acts if "error" in act]
    for act in folds:
        assert act["files_in"] > act["files_out"]
        assert all("symbol=" in place for place in act["contents"])
        assert all(int(content.split(":")[0]) > 0 for content in act["contents"].values())


def test_care_can_be_asked_for_and_asked_what_it_would_do(cared_for):
    def would_fold():
        acts = json.loads(cared_for.cli("care", "--dry-run", "--format", "json"))
        return [act for act in acts if act["act"] == "fold" and act["table"] == "trades"]

    planned = wait_until(would_fold, 60, "something to fold")
    assert planned[0]["files_in"] > planned[0]["files_out"]
    assert "seconds" not in planned[0]
    done = json.loads(cared_for.cli("care", "--now", "--format", "json"))
    assert not [act for act in done if "error" in act]
    assert "fold" in cared_for.cli("care", "--status")


def test_a_minute_of_care_beside_the_stream_loses_and_doubles_nothing(cared_for):
    stream, rounds = cared_for.pid("stream"), len(replaced(cared_for))
    time.sleep(60)
    assert cared_for.pid("stream") == stream
    assert len(replaced(cared_for)) > rounds + 3
    assert_each_message_once(cared_for)
    acts = keeper_status(Home(cared_for.home))["care"]["runs"]
    assert not [act for act in acts if "error" in act]


@pytest.fixture(scope="class")
def without_care(cared_for):
    before = dict(cared_for.environment)
    cared_for.stop()
    cared_for.environment.update(
        {"TAPEHOUSE_CARE_SECONDS": "3600", "TAPEHOUSE_MOST_SMALL_FILES": "100"}
    )
    cared_for.start()
    yield
    cared_for.environment = before


@pytest.fixture(scope="class")
def short_ladder(cared_for):
    cared_for.stop()
    cared_for.environment["TAPEHOUSE_SNAPSHOT_LADDER"] = "10s:all,30s:5s,1h:30s"
    cared_for.start()


@pytest.mark.usefixtures("without_care")
class TestBackPressure:
    """The same home, its care asleep and its bound so low that it is passed within a minute."""

    def test_the_trigger_is_stretched_and_comes_back_once_care_has_caught_up(self, cared_for):
        def query():
            return keeper_status(Home(cared_for.home))["query"]

        process, identity = cared_for.pid("stream"), query()["id"]
        told = wait_until(lambda: query()["stretched"] and query(), 300, "a longer trigger")
        assert told["trigger_seconds"] == 2
        assert "small files wait for care (100)" in told["stretched"]
        before = stored(cared_for)
        wait_until(lambda: stored(cared_for) > before, 60, "the stream to go on")

        def is_back():
            cared_for.cli("care", "--now")
            return query()["trigger_seconds"] == 1

        wait_until(is_back, 180, "the configured trigger")
        assert query()["stretched"] is None
        # The same query of the same process, with nothing lost or doubled on the way.
        assert (cared_for.pid("stream"), query()["id"]) == (process, identity)
        before = stored(cared_for)
        wait_until(lambda: stored(cared_for) > before, 60, "the stream to go on")
        assert_each_message_once(cared_for)


@pytest.mark.usefixtures("short_ladder")
class TestThinning:
    """The same home, its ladder so short that it thins within a minute."""

    def test_kept_moments_hash_the_same_while_others_expire(self, cared_for):
        cared_for.cli("tag", "before-thinning", "--keep", "1d")
        known = {}

        def thinned():
            kept = [one.snapshot_id for one in trades_of(cared_for).snapshots()]
            for snapshot_id in kept[-2:]:
                rows = snapshot_id not in known and rows_unless_expired(cared_for, snapshot_id)
                if rows:
                    known[snapshot_id] = rows
            gone = [one for one in known if one not in kept]
            return len(gone) >= 20 and len(known) - len(gone) >= 5

        wait_until(thinned, 180, "twenty known snapshots to expire and five to stay")
        kept = {one.snapshot_id for one in trades_of(cared_for).snapshots()}
        tagged = trades_of(cared_for).metadata.refs["before-thinning"].snapshot_id
        assert tagged in kept
        compared = 0
        for snapshot_id in known.keys() & kept:
            rows = rows_unless_expired(cared_for, snapshot_id)
            assert rows in {None, known[snapshot_id]}
            compared += rows is not None
        assert compared >= 3
        # A moment of the whole product: the other tables still have theirs.
        cared_for.cli("sql", "SELECT count(*) FROM rejected", "--as-of", "before-thinning")

    @pytest.mark.parametrize("act", ["fold", "expire"])
    def test_the_process_may_be_killed_as_an_act_commits(self, cared_for, act):
        log = cared_for.home / "logs" / "stream.log"
        with log.open() as lines:
            lines.seek(0, 2)
            wait_until(
                lambda: any("act_commits" in line and act in line for line in lines), 90, act
            )
            old = cared_for.pid("stream")
            process = psutil.Process(old)
            for victim in [process, *process.children(recursive=True)]:
                victim.send_signal(signal.SIGKILL)
        wait_until(lambda: cared_for.pid("stream") not in {None, old}, 60, "another process")
        before = stored(cared_for)
        wait_until(lambda: stored(cared_for) > before, 120, "the stream to go on")
        wait_until(lambda: acts_of(cared_for, act), 120, f"care to {act} again")
        assert_each_message_once(cared_for)
        tagged = trades_of(cared_for).metadata.refs["before-thinning"].snapshot_id
        [(rows, _, positions)] = cared_for.lake_rows(ROWS.format(tagged))
        assert rows == positions > 0


def rows_unless_expired(instance, snapshot_id):
    """What ROWS says of a snapshot; None when it has been expired meanwhile."""
    try:
        [rows] = instance.lake_rows(ROWS.format(snapshot_id))
    except LakeError:
        if trades_of(instance).snapshot_by_id(snapshot_id):
            raise
        return None
    return rows


def stored(instance):
    try:
        return int(trades_of(instance).current_snapshot().summary["total-records"])
    except LakeError:
        return 0


def assert_each_message_once(instance):
    counted = instance.lake_rows(HOLES)
    assert counted
    for _, rows, distinct, after_last in counted:
        assert rows == distinct == after_last
