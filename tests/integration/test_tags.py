"""Tags on real servers: beside a stream, through expiry, and what is told of moments that went."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import stamina
from pyiceberg.exceptions import CommitFailedException

from catalog.client import connect
from catalog.errors import MomentError
from catalog.moments import LIVE, Moment
from catalog.schema import TABLES, TRADES, Table
from catalog.tags import Tags
from infra.connections import keeper_status
from infra.home import Home
from serving import Lake
from tests.support.instance import TAPEHOUSE, Instance, wait_until
from tests.support.local_lake import LocalLake, Row, local_lake

pytestmark = pytest.mark.integration

_T = 1_700_000_000_000_000
COUNT = "SELECT count(*) AS n FROM trades"
PLACES = (
    "SELECT count(*) AS n, count(DISTINCT (kafka_partition, kafka_offset)) AS places FROM trades"
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("tags") / "weed") as lake:
        yield lake


@pytest.fixture
def writer(written: LocalLake) -> LocalLake:
    written.reset()
    return written


@pytest.fixture
def tags(writer: LocalLake) -> Tags:
    return Tags(lambda: connect(writer.settings))


def append(writer: LocalLake, count: int = 2) -> int:
    return writer.append([Row("AAPL", _T + i, 100.0, 1.0) for i in range(count)])


def refs(writer: LocalLake, table: Table = TRADES) -> set[str]:
    return set(writer.catalog.load_table(table.identifier).metadata.refs) - {"main"}


def expire_all_but_the_tagged(writer: LocalLake) -> None:
    for table in TABLES:
        iceberg = writer.catalog.load_table(table.identifier)
        iceberg.maintenance.expire_snapshots().older_than(datetime.now(UTC)).commit()


def test_a_tagged_moment_answers_when_all_around_it_is_expired(
    writer: LocalLake, tags: Tags
) -> None:
    ids = [append(writer) for _ in range(5)]
    times = {s.snapshot_id: s.timestamp_ms for s in writer.trades.snapshots()}
    older = tags.make("older", Moment(snapshot_id=ids[1]), timedelta(days=30))
    tags.make("now", LIVE)
    append(writer)
    expire_all_but_the_tagged(writer)
    assert {s.snapshot_id for s in writer.trades.snapshots()} >= {ids[1], ids[4]}
    between = datetime.fromtimestamp(times[ids[2]] / 1000, UTC)
    with Lake.open(writer.settings) as lake:

        def count(moment: Moment) -> int:
            (answer,) = lake.sql(COUNT, moment).to_pylist()
            return int(answer["n"])

        assert count(Moment(tag="older")) == count(Moment(snapshot_id=ids[1])) == 4
        assert count(Moment(tag="now")) == 10
        assert lake.resolve(Moment(tag="older")).snapshot_ids == older.resolved.snapshot_ids
        with pytest.raises(MomentError, match=rf"{ids[2]} is not among") as by_id:
            count(Moment(snapshot_id=ids[2]))
        assert by_id.value.nearest[0] == ids[1]
        with pytest.raises(MomentError, match=r"has been expired.*tag older.*tag now") as by_time:
            count(Moment(time=between))
        assert by_time.value.nearest == (ids[1], ids[4])
        with pytest.raises(MomentError, match=r"expired; it was the one right before.*tag now"):
            count(Moment(snapshot_id=ids[3]))
        with pytest.raises(MomentError, match=r"before the oldest kept.*tag older"):
            count(Moment(time=between - timedelta(days=1)))


def test_a_time_to_keep_is_in_the_table_counted_from_the_snapshot(
    writer: LocalLake, tags: Tags
) -> None:
    snapshot_id = append(writer)
    made = tags.make("a", Moment(snapshot_id=snapshot_id), timedelta(days=30))
    snapshot, ref = writer.trades.snapshot_by_id(snapshot_id), writer.trades.metadata.refs["a"]
    assert snapshot is not None
    assert made.until is not None
    assert ref.max_ref_age_ms is not None
    ends = (snapshot.timestamp_ms + ref.max_ref_age_ms) / 1000
    assert abs(ends - made.until.timestamp()) < 0.01


def test_deleting_takes_the_name_from_every_table_and_strays_are_swept(
    writer: LocalLake, tags: Tags
) -> None:
    append(writer)
    tags.make("a", LIVE)
    tags.make("b", LIVE)
    writer.trades.manage_snapshots().remove_tag("b").commit()
    tags.delete("a")
    assert [refs(writer, table) for table in TABLES] == [set(), set(), set()]
    with pytest.raises(MomentError, match="no tag 'a'"):
        tags.delete("a")


def test_tags_and_commits_at_once_lose_neither(writer: LocalLake, tags: Tags) -> None:
    patient = stamina.retry(on=CommitFailedException, attempts=20, wait_initial=0.02)(append)
    with ThreadPoolExecutor(2) as pool:
        commits = pool.map(lambda _: patient(writer, 1), range(15))
        made = [tags.make(f"t{n}", LIVE) for n in range(10)]
        ids = list(commits)
    assert refs(writer) == {one.name for one in made}
    kept = {s.snapshot_id for s in writer.trades.snapshots()}
    assert kept >= set(ids)
    with Lake.open(writer.settings) as lake:
        assert lake.sql(COUNT).to_pylist() == [{"n": 15}]


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A stream of one second whose snapshots are expired after thirty."""
    instance = Instance(
        tmp_path_factory.mktemp("tagged") / "home",
        ("--feed", "simulator", "--rate", "200", "--trigger", "1", "--no-dashboard"),
        environment={"TAPEHOUSE_CARE_SECONDS": "4", "TAPEHOUSE_SNAPSHOT_LADDER": "30s:all"},
    )
    instance.start()
    yield instance
    instance.stop()


def run(instance: Instance, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TAPEHOUSE, *arguments, "--home", instance.home],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def as_json(instance: Instance, *arguments: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(instance.cli(*arguments, "--format", "json"))
    return rows


def between_two(listed: list[dict[str, object]]) -> list[dict[str, object]]:
    """The newest append with a snapshot on each side, none of them the tip; and those."""
    places = [n for n, row in enumerate(listed) if row["kind"] == "append"]
    place = max(n for n in places if 0 < n < len(listed) - 2)
    return listed[place - 1 : place + 2]


def test_a_moment_named_beside_the_stream_outlives_its_neighbours(streaming: Instance) -> None:
    wait_until(lambda: streaming.sql(COUNT)[0]["n"], 60, "trades")
    wait_until(lambda: len(as_json(streaming, "snapshots")) >= 4, 60, "snapshots")
    before, chosen, after = between_two(as_json(streaming, "snapshots", "--offsets"))
    assert chosen["offsets"]
    [told] = as_json(streaming, "tag", "mine", "--at", str(chosen["committed_at"]), "--keep", "30d")
    assert told["snapshot_id"] == chosen["snapshot_id"]
    streaming.cli("tag", "for-ever")
    taken = run(streaming, "tag", "mine")
    assert (taken.returncode, "already" in taken.stderr) == (8, True), taken.stderr
    refused = run(streaming, "tag", "keep-1")
    assert (refused.returncode, "care" in refused.stderr) == (2, True), refused.stderr

    neighbours = {before["snapshot_id"], after["snapshot_id"]}

    def they_are_gone() -> bool:
        listed = as_json(streaming, "snapshots")
        return not neighbours & {row["snapshot_id"] for row in listed}

    wait_until(they_are_gone, 120, "the neighbours to be expired")
    [row] = json.loads(streaming.cli("sql", PLACES, "--as-of", "mine", "--format", "json"))
    assert row["n"] == row["places"] == chosen["total_rows"]
    gone = run(streaming, "sql", COUNT, "--as-of", str(after["snapshot_id"]))
    assert gone.returncode == MomentError.exit_code
    assert "expired" in gone.stderr
    late = run(streaming, "sql", COUNT, "--as-of", str(after["committed_at"]))
    assert late.returncode == MomentError.exit_code
    assert f"{chosen['snapshot_id']} (" in late.stderr
    assert "tag mine" in late.stderr
    [listed] = [r for r in as_json(streaming, "snapshots") if "mine" in r["tags"]]  # type: ignore[operator]
    assert listed["snapshot_id"] == chosen["snapshot_id"]
    assert "mine" in streaming.cli("snapshots")

    streaming.cli("tag", "--delete", "mine")
    wait_until(
        lambda: (
            chosen["snapshot_id"] not in {r["snapshot_id"] for r in as_json(streaming, "snapshots")}
        ),
        60,
        "what the name kept to go with it",
    )
    assert [r for r in as_json(streaming, "snapshots") if r["tags"]]


def test_the_stream_goes_on_and_keeps_every_tag_made_beside_it(streaming: Instance) -> None:
    names = {f"beside-{n}" for n in range(8)}
    for name in sorted(names):
        streaming.cli("tag", name, "--keep", "1d")
    wait_for = streaming.sql(COUNT)[0]["n"]
    wait_until(lambda: streaming.sql(COUNT)[0]["n"] > wait_for + 400, 60, "more trades")
    table = connect(streaming.lake_settings()).load_table(TRADES.identifier)
    assert names <= set(table.metadata.refs)
    [row] = streaming.sql(PLACES)
    assert row["n"] == row["places"]
    acts = keeper_status(Home(streaming.home))["care"]["runs"]
    assert not [act for act in acts if "error" in act]
