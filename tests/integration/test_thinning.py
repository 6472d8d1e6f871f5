"""Tables thinned by a clock that the test sets: what stays answers alike, what goes is deleted."""

import json
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from pyarrow.fs import FileSelector

from catalog.client import connect
from catalog.moments import Moment
from catalog.retention import Kept, expired
from catalog.schema import TABLES, TRADES
from catalog.tags import Tags
from serving import Lake
from streaming import jvm_tables, merging
from streaming.care import Care
from streaming.content import Content
from streaming.data_files import live_files
from streaming.keeper import Board
from streaming.session import open_session
from streaming.settings import StreamingSettings
from tests.conftest import ROOT
from tests.support.local_lake import Row, local_lake

pytestmark = [
    pytest.mark.integration,
    # Care works in threads, and py4j leaves a thread's connection to the garbage collector.
    pytest.mark.filterwarnings(
        r"ignore:Exception ignored in. <socket\.socket:pytest.PytestUnraisableExceptionWarning"
    ),
]

DAY_US = 86_400_000_000
COMMITS = 30


class Clock:
    def __init__(self):
        self.ahead = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    with local_lake(tmp_path_factory.mktemp("thinning") / "weed") as lake:
        today_us = int(datetime.now(UTC).timestamp() * 1e6)
        for number in range(COMMITS):
            lake.append(
                [
                    Row(symbol, when_us + number, 100.0 + number, 1.0, conditions)
                    for symbol in ("BINANCE:BTCUSDT", "BINANCE:ETHUSDT")
                    for when_us in (today_us, today_us - DAY_US)
                    for conditions in ((1, 2), None)
                ]
            )
        yield lake


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return StreamingSettings.read(
        jars=ROOT / ".jars" / "spark",
        checkpoint=tmp_path_factory.mktemp("checkpoint"),
        snapshot_ladder="1s:all,10s:1s,1d:10s",
    )


@pytest.fixture(scope="module")
def spark(lake, settings):
    with open_session(settings, lake.settings) as session:
        yield session


@pytest.fixture(scope="module")
def tags(lake, clock):
    return Tags(lambda: connect(lake.settings), clock)


@pytest.fixture(scope="module")
def care(spark, lake, settings, tags, clock):
    board = Board("test", "now")
    return Care(spark, lake.trades.io, settings, tags, board, threading.Event(), clock)


def content_of(lake, snapshot_id):
    return Content.of(lake.trades.scan(snapshot_id=snapshot_id).to_arrow())


def history_of(lake):
    ordered = sorted(lake.trades.metadata.snapshots, key=lambda one: one.sequence_number)
    return [Kept(one.snapshot_id, one.timestamp_ms) for one in ordered]


def stored_files(lake):
    """Every file of the trades table in the store but its metadata files."""
    table = lake.trades
    place = urlsplit(table.location())
    file_system = table.io.fs_by_scheme(place.scheme, place.netloc)
    selector = FileSelector(place.netloc + place.path, recursive=True)
    found = file_system.get_file_info(selector)
    return {f"s3://{one.path}" for one in found if one.is_file and ".metadata.json" not in one.path}


def reachable_files(lake):
    table = lake.trades
    files = set()
    for snapshot in table.metadata.snapshots:
        files.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            files.add(manifest.manifest_path)
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                files.add(entry.data_file.file_path)
    return files


def errors(reports):
    return [report for report in reports if "error" in report]


def test_nothing_is_done_by_asking_what_would_be(care, lake):
    before = history_of(lake)
    planned = care.would()
    assert {"fold", "expire"} <= {act["act"] for act in planned}
    assert history_of(lake) == before


def test_what_the_ladder_keeps_answers_as_before_and_the_rest_is_gone(
    care, lake, settings, tags, clock
):
    whole = history_of(lake)
    mine = {whole[place].snapshot_id for place in (7, 11, 19)}
    for snapshot_id in mine:
        tags.make(f"mine-{snapshot_id}", Moment(snapshot_id=snapshot_id), timedelta(days=30))
    clock.ahead = timedelta(seconds=5)
    then_ms = int(clock().timestamp() * 1000) + 2000
    going = set(expired(whole, mine, None, then_ms, settings.rungs))
    staying = [one.snapshot_id for one in whole if one.snapshot_id not in going]
    contents = {snapshot_id: content_of(lake, snapshot_id) for snapshot_id in staying}
    assert len(set(contents.values())) == len(contents) > 3
    reports = care.do()
    assert not errors(reports)
    assert {"fold", "expire"} <= {report["act"] for report in reports}
    kept = [one.snapshot_id for one in history_of(lake)]
    assert mine <= set(kept)
    assert len(kept) < len(whole)
    for snapshot_id in contents.keys() & set(kept):
        assert content_of(lake, snapshot_id) == contents[snapshot_id]
    # The last of each second stayed: no hole that the ladder does not say.
    now_ms = int(clock().timestamp() * 1000)
    assert not expired(history_of(lake), mine, None, now_ms - 2000, settings.rungs)


def test_every_kept_moment_is_one_of_all_tables(lake):

    with Lake.open(lake.settings) as opened:
        for one in history_of(lake)[-20:]:
            at = Moment(snapshot_id=one.snapshot_id)
            assert set(opened.resolve(at).snapshot_ids) == {table.name for table in TABLES}


def test_files_of_what_expired_go_an_hour_later_and_no_others(care, lake, clock):
    assert stored_files(lake) > reachable_files(lake)
    deleted = []
    for hours in (2, 4, 6):
        clock.ahead = timedelta(hours=hours)
        reports = care.do()
        assert not errors(reports)
        deleted += [report for report in reports if report["act"] == "delete files"]
    assert deleted
    assert stored_files(lake) == reachable_files(lake)


def test_a_closed_day_ends_as_one_sorted_file_of_each_symbol(care, lake, clock):
    for _ in range(12):
        assert not errors(care.do())
    table = lake.trades
    names = {}
    for task in table.scan().plan_files():
        places = names.setdefault((task.file.partition[0], task.file.partition[1]), [])
        places.append(task.file.file_path.rsplit("/", 1)[1])
    assert len(names) == 4
    for files in sorted(names.items(), key=lambda one: str(one[0]))[:2]:
        assert len(files[1]) == 1
        assert files[1][0].startswith("sorted-")


def test_days_that_ended_have_their_tag_in_all_tables(care, lake, clock):
    clock.ahead = timedelta(days=1, minutes=30)
    assert not errors(care.do())
    today = datetime.now(UTC).date()
    for table in TABLES:
        refs = lake.catalog.load_table(table.identifier).metadata.refs
        assert f"eod-{today.isoformat()}" in refs
        assert f"eod-{(today - timedelta(days=2)).isoformat()}" not in refs


def test_data_files_go_with_the_last_moment_that_needs_them(care, lake, clock):
    content = content_of(lake, None)
    deleted = 0
    for hours in (50, 52):
        clock.ahead = timedelta(hours=hours)
        reports = care.do()
        assert not errors(reports)
        deleted += sum(report.get("data_files", 0) for report in reports)
    assert deleted > 0
    assert content_of(lake, None) == content
    # The ladder ends after a day: what is left is named by a tag, or the tip.
    named = {ref.snapshot_id for ref in lake.trades.metadata.refs.values()}
    assert {one.snapshot_id for one in history_of(lake)} == named


def test_orphans_are_told_first_and_none_that_is_fresh_is_removed(care, lake, settings, clock):
    fresh, stray = (f"{lake.trades.location()}/data/{name}.parquet" for name in ("fresh", "stray"))
    for location in (fresh, stray):
        with lake.trades.io.new_output(location).create() as stream:
            stream.write(b"left by a kill")
    clock.ahead = timedelta()
    long_ago = (clock() - timedelta(days=8)).isoformat()
    times = json.dumps({table.name: long_ago for table in TABLES})
    (settings.checkpoint / "care" / "orphans.json").write_text(times)
    told = [report for report in care.do() if report["act"] == "find orphans"]
    assert not errors(told)
    assert [report["orphans"] for report in told] == [0, 0, 0]
    content = content_of(lake, None)
    # The clock of the store cannot be set: as if it had been found.
    care._thinner._orphans[TRADES] = [stray]
    [removed] = [report for report in care.do() if report["act"] == "remove orphans"]
    assert removed["files_in"] == 1
    left = stored_files(lake)
    assert fresh in left
    assert stray not in left
    assert content_of(lake, None) == content
    assert not [report for report in care.do() if "orphans" in report["act"]]


def test_a_merge_that_would_change_a_row_is_not_committed(spark, lake, monkeypatch):

    java_table = jvm_tables.load(spark, TRADES)
    jvm = jvm_tables.gateway(spark)
    files = list(live_files(jvm, java_table, TRADES, None))
    pile = [file for file in files if file.place == files[0].place]
    before = lake.trades.current_snapshot().snapshot_id
    honest = merging.rows_within
    monkeypatch.setattr(merging, "rows_within", lambda *args: honest(*args).slice(1))
    with pytest.raises(Exception, match="would have changed it"):
        merging.merge(TRADES, java_table, jvm, lake.trades.io, pile)
    assert lake.trades.current_snapshot().snapshot_id == before
