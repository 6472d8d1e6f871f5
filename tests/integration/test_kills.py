"""`kill -9` of each part while a day plays, then every way a checkpoint can be wrong.

The judge is an independent consumer: what it reads in the topic must be in the tables, once each.
"""

import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from catalog.client import connect, translated
from catalog.errors import CheckpointError, LakeError
from catalog.schema import TRADES
from catalog.trade import Trade
from tests.support.instance import TAPEHOUSE, Instance, wait_until
from tests.support.recordings import read_expected

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parent.parent.parent
SPEED = "250"
TOPIC = "stock-ticks"

Position = tuple[int, int]
"""Topic partition and offset."""


@pytest.fixture(scope="module")
def playing(tmp_path_factory, test_data) -> Instance:
    """An instance that plays the recorded day, its producer logging each delivery report."""
    day = test_data / "us-equities-2013-10-07.frames.jsonl.zst"
    recording = day if day.exists() else ROOT / "tests" / "data" / "made-up.frames.jsonl"
    speed = SPEED if day.exists() else "1"
    folder = tmp_path_factory.mktemp("kills")
    instance = Instance(
        folder / "home",
        ("--feed", str(recording), "--speed", speed, "--no-dashboard", "--trigger", "1"),
        environment={
            "TAPEHOUSE_DELIVERY_LOG": str(folder / "deliveries"),
            # Care tries every few seconds beside it all, killed and restarted with the stream.
            "TAPEHOUSE_CARE_SECONDS": "3",
        },
    )
    instance.start()
    yield instance
    instance.stop()


def in_topic(instance: Instance) -> set[Position]:
    """Every message of the trades topic, read by a consumer of our own."""
    consumer = Consumer(
        {
            "bootstrap.servers": instance.broker_settings().server,
            "group.id": "independent",
            "enable.auto.commit": False,
        }
    )
    found: set[Position] = set()
    try:
        places = consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions
        ends = {
            p: consumer.get_watermark_offsets(TopicPartition(TOPIC, p), timeout=30)[1]
            for p in places
        }
        consumer.assign([TopicPartition(TOPIC, p, OFFSET_BEGINNING) for p in places])
        total = sum(ends.values())
        while len(found) < total:
            batch = consumer.consume(10_000, timeout=30)
            assert batch, f"the topic ended at {len(found)} of {total}"
            found |= {(message.partition(), message.offset()) for message in batch}
    finally:
        consumer.close()
    return found


def in_tables(instance: Instance) -> Counter[Position]:
    """The positions of every row of `trades`, and of `rejected` from the trades topic."""
    rows = instance.lake_rows(
        f"""SELECT kafka_partition, kafka_offset FROM trades UNION ALL
        SELECT kafka_partition, kafka_offset FROM rejected WHERE kafka_topic = '{TOPIC}'"""
    )
    return Counter(rows)


def stored(instance: Instance) -> int:
    """Rows in `trades`; none while the catalog is away."""
    settings = instance.lake_settings()
    try:
        with translated(settings):
            snapshot = connect(settings).load_table(TRADES.identifier).current_snapshot()
    except LakeError:
        return 0
    return int(snapshot.summary.additional_properties["total-records"])


def caught_up(instance: Instance, minimum: int = 0) -> bool:
    """Whether the table holds as much as the topic, and that is at least `minimum`."""
    consumer = Consumer(
        {"bootstrap.servers": instance.broker_settings().server, "group.id": "counting"}
    )
    try:
        places = consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions
        ends = [
            consumer.get_watermark_offsets(TopicPartition(TOPIC, p), timeout=30)[1] for p in places
        ]
    finally:
        consumer.close()
    return stored(instance) >= max(minimum, sum(ends))


def kill(instance: Instance, service: str) -> None:
    """`kill -9` the service and all its processes; returns once another has taken its place."""
    old = instance.pid(service)
    process = psutil.Process(old)
    for victim in [process, *process.children(recursive=True)]:
        victim.send_signal(signal.SIGKILL)
    wait_until(lambda: instance.pid(service) not in {None, old}, 60, f"{service} to be restarted")


def produce(instance: Instance, count: int) -> None:
    """Put trades into the topic directly."""
    producer = Producer({"bootstrap.servers": instance.broker_settings().server})
    now = time.time_ns() // 1000
    for number in range(count):
        trade = Trade(f"T{number % 7}", now, 10.0 + number, 1.0, None, now, "test")
        key, value = trade.to_message()
        producer.produce(TOPIC, value, key)
    assert producer.flush(30) == 0


def delivered(instance: Instance) -> set[Position]:
    lines = Path(instance.environment["TAPEHOUSE_DELIVERY_LOG"]).read_text().splitlines()
    reports = [line.split() for line in lines]
    return {(int(r[1]), int(r[2])) for r in reports if len(r) == 3 and r[0] == TOPIC}


def test_every_part_may_be_killed_while_the_day_plays(playing):
    before_kill: set[Position] = set()
    for service in ("stream", "kafka", "store", "producer"):
        growing = stored(playing)
        wait_until(lambda seen=growing: stored(playing) > seen, 120, "more trades to be stored")
        before_kill |= delivered(playing)
        kill(playing, service)
    after_kill = len(delivered(playing))
    wait_until(lambda: len(delivered(playing)) > after_kill, 60, "the producer to go on")
    playing.stop_service("producer")
    wait_until(lambda: caught_up(playing, len(before_kill)), 120, "the tables to hold the topic")

    topic, tables = in_topic(playing), in_tables(playing)
    assert set(tables) == topic
    assert max(tables.values()) == 1
    assert before_kill <= delivered(playing) <= topic


def test_what_was_sent_while_the_client_was_away_is_a_recorded_gap(playing):
    gaps = wait_until(
        lambda: playing.lake_rows(
            "SELECT from_time, to_time FROM feed_events WHERE kind = 'gap' AND symbol IS NULL"
        ),
        180,
        "the gap to be stored",
    )
    assert all(since < until for since, until in gaps)


def test_playback_never_resends_a_trade(playing):
    """What is stored stands in the recording, each trade at least as often."""
    columns = ("symbol", "event_time", "price", "size")
    recorded = read_expected(Path(playing.arguments[1])).select(columns).to_pydict()
    rows = playing.lake_rows(f"SELECT {', '.join(columns)} FROM trades")
    assert Counter(rows) <= Counter(zip(*recorded.values(), strict=True))


class TestCheckpoint:
    """Each way to break it, in one order: every test leaves the instance as the next needs it."""

    @pytest.fixture(autouse=True)
    def _stopped(self, playing):
        self.instance = playing
        playing.stop_service("stream")
        self.folder = playing.checkpoint()

    def refusal(self) -> str:
        with self.instance.stream_process() as process:
            _, errors = process.communicate(timeout=60)
        assert process.returncode == CheckpointError.exit_code, errors[-2000:]
        assert "--rebuild" in errors
        return str(errors)

    def rebuild_and_prove(self) -> None:
        rows = stored(self.instance)
        produce(self.instance, 50)
        with self.instance.stream_process("--rebuild"):
            wait_until(lambda: caught_up(self.instance, rows + 50), 120, "the rebuilt stream")
        self.go_on_and_prove()

    def go_on_and_prove(self) -> None:
        rows = stored(self.instance)
        produce(self.instance, 50)
        self.instance.start_service("stream")
        wait_until(lambda: caught_up(self.instance, rows + 50), 120, "the stream to go on")
        tables = in_tables(self.instance)
        assert set(tables) == in_topic(self.instance)
        assert max(tables.values()) == 1

    def test_a_removed_newest_commit_is_skipped_not_doubled(self):
        newest = max((self.folder / "commits").glob("[0-9]*"), key=lambda path: int(path.name))
        newest.unlink()
        (newest.parent / f".{newest.name}.crc").unlink(missing_ok=True)
        self.go_on_and_prove()

    def test_a_deleted_checkpoint_is_refused_then_rebuilt(self):
        shutil.rmtree(self.folder)
        assert "missing" in self.refusal()
        self.rebuild_and_prove()

    def test_an_older_copy_is_refused_then_rebuilt(self, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(self.folder, copy)
        self.go_on_and_prove()
        # One epoch behind would look like a lost tail; two cannot.
        rows = stored(self.instance)
        produce(self.instance, 50)
        wait_until(lambda: caught_up(self.instance, rows + 50), 120, "one more micro-batch")
        self.instance.stop_service("stream")
        shutil.rmtree(self.folder)
        shutil.copytree(copy, self.folder)
        assert "stale" in self.refusal()
        self.rebuild_and_prove()

    def test_a_lost_tail_of_the_offset_log_is_refused_then_rebuilt(self):
        for log in ("offsets", "commits"):
            newest = max((self.folder / log).glob("[0-9]*"), key=lambda path: int(path.name))
            newest.unlink()
        assert "truncated" in self.refusal()
        self.rebuild_and_prove()

    def test_a_garbled_checkpoint_is_refused_then_rebuilt_once_by_the_command_it_names(self):
        newest = max((self.folder / "offsets").glob("[0-9]*"), key=lambda path: int(path.name))
        newest.write_bytes(b"")
        rows = stored(self.instance)
        produce(self.instance, 50)
        self.instance.stop()
        alone = ("--feed", "none", "--no-dashboard", "--trigger", "1")
        refused = subprocess.run(
            [TAPEHOUSE, "run", "--home", self.instance.home, *alone],
            cwd=self.instance.home.parent,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert refused.returncode == CheckpointError.exit_code, refused.stderr
        assert "The checkpoint is corrupt" in refused.stderr
        assert "`tapehouse run --rebuild`" in refused.stderr

        self.instance.arguments = (*alone, "--rebuild")
        self.instance.start()
        wait_until(lambda: caught_up(self.instance, rows + 50), 120, "the rebuilt stream")
        aside = sorted(self.folder.parent.glob("*.aside-*"))
        # Started again with the same command, it goes on instead of rebuilding.
        self.instance.stop_service("stream")
        self.go_on_and_prove()
        assert sorted(self.folder.parent.glob("*.aside-*")) == aside
