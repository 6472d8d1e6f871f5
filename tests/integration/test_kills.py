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
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from catalog.client import connect
from catalog.errors import CheckpointError
from catalog.schema import TRADES
from catalog.trade import FeedEvent, FeedEventKind, Rejection
from streaming.written import EPOCH_ID, QUERY_ID
from tests.support.exactly_once import (
    TOPIC,
    TOPICS,
    Position,
    caught_up,
    in_tables,
    in_topic,
    produce,
    stored,
)
from tests.support.instance import TAPEHOUSE, Instance, wait_until
from tests.support.recordings import DAY, read_expected

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parent.parent.parent
SPEED = "250"


@pytest.fixture(scope="module")
def playing(tmp_path_factory, test_data) -> Instance:
    """An instance that plays the recorded day, its producer logging each delivery report."""
    day = test_data / DAY
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
            "TAPEHOUSE_SLOW_TRIGGER_SECONDS": "3",
        },
    )
    instance.start()
    yield instance
    instance.stop()


def kill(instance: Instance, service: str) -> None:
    """`kill -9` the service and all its processes; returns once another has taken its place."""
    old = instance.pid(service)
    process = psutil.Process(old)
    for victim in [process, *process.children(recursive=True)]:
        victim.send_signal(signal.SIGKILL)
    wait_until(lambda: instance.pid(service) not in {None, old}, 60, f"{service} to be restarted")


def expire_all(instance: Instance) -> None:
    """Have Kafka drop all that the topic of trades has, as it does once that is a week old."""
    ends: dict[int, int] = {}
    for place, offset in in_topic(instance):
        ends[place] = max(offset + 1, ends.get(place, 0))
    admin = AdminClient({"bootstrap.servers": instance.broker_settings().server})
    asked = admin.delete_records([TopicPartition(TOPIC, place, end) for place, end in ends.items()])
    for done in asked.values():
        done.result(30)


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


def test_what_was_sent_while_the_client_was_away_is_lost_and_a_recorded_gap(playing):
    """One gap for each connect but the first; nothing is stored that came in it."""
    gaps = wait_until(
        lambda: playing.lake_rows(
            "SELECT from_time, to_time FROM feed_events WHERE kind = 'gap' AND symbol IS NULL"
        ),
        180,
        "the gap to be stored",
    )
    [(connects,)] = playing.lake_rows("SELECT count(*) FROM feed_events WHERE kind = 'connected'")
    assert len(gaps) == connects - 1
    for since, until in gaps:
        assert since < until
        [(within, before, after)] = playing.lake_rows(
            f"""SELECT count(*) FILTER (received_at > '{since}' AND received_at < '{until}'),
                count(*) FILTER (received_at <= '{since}'),
                count(*) FILTER (received_at >= '{until}') FROM trades"""
        )
        assert within == 0
        assert before > 0
        assert after > 0


def test_playback_never_resends_a_trade(playing):
    """What is stored stands in the recording, each trade at least as often, and some do not."""
    columns = ("symbol", "event_time", "price", "size")
    table = read_expected(Path(playing.arguments[1])).select(columns).to_pydict()
    recorded = list(zip(*table.values(), strict=True))
    rows = playing.lake_rows(
        f"SELECT {', '.join(columns)} FROM trades ORDER BY received_at, kafka_offset"
    )
    assert Counter(rows) <= Counter(recorded)
    assert len(rows) < recorded.index(rows[-1]) + 1


class TestCheckpoint:
    """Each way to break it, in one order: every test leaves the instance as the next needs it."""

    @pytest.fixture(autouse=True)
    def _stopped(self, playing):
        self.instance = playing
        playing.stop_service("stream")
        self.folder = playing.checkpoint()

    def refusal(self) -> str:
        with self.instance.stream_process() as process:
            _, errors = process.communicate(timeout=180)
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

    def prove_for_every_topic(self) -> None:
        """Also for what the slower query writes, whose new checkpoint reads all topics again."""
        now = time.time_ns() // 1000
        producer = Producer({"bootstrap.servers": self.instance.broker_settings().server})
        event = FeedEvent(FeedEventKind.ERROR, None, now, now, "made up", "test")
        producer.produce(TOPIC, b"no trade")
        producer.produce(TOPICS.rejected, Rejection.of(b"x", "made up", now).to_message()[1])
        producer.produce(TOPICS.feed_events, event.to_message()[1])
        assert producer.flush(30) == 0
        # A topic's last message is stored after all before it.
        for topic in (TOPIC, TOPICS.rejected, TOPICS.feed_events):
            sent = in_topic(self.instance, topic)
            wait_until(
                lambda topic=topic, sent=sent: set(in_tables(self.instance, topic)) == sent,
                90,
                f"the tables to hold {topic}",
            )
            assert max(in_tables(self.instance, topic).values()) == 1

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
        newest = max(int(path.name) for path in (self.folder / "commits").glob("[0-9]*"))
        for log in ("offsets", "commits"):
            for path in (self.folder / log).glob("[0-9]*"):
                # A micro-batch may have been planned that was broken off by the stop.
                if int(path.name) >= newest:
                    path.unlink()
        assert "truncated" in self.refusal()
        self.rebuild_and_prove()

    def test_another_writer_in_the_table_stops_the_stream(self):
        with self.instance.stream_process() as process:
            assert process.stderr
            assert any(" ready " in line for line in process.stderr)
            trades = connect(self.instance.lake_settings()).load_table(TRADES.identifier)
            trades.append(
                trades.schema().as_arrow().empty_table(),
                snapshot_properties={QUERY_ID: "another", EPOCH_ID: "0"},
            )
            assert process.wait(120) == CheckpointError.exit_code
            assert "Another stream (query another, epoch 0)" in process.stderr.read()

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
        self.prove_for_every_topic()

    def test_messages_that_expired_unread_stop_it_until_it_is_rebuilt(self):
        held = set(in_tables(self.instance))
        produce(self.instance, 50)
        expired = in_topic(self.instance) - held
        assert len(expired) == 50
        expire_all(self.instance)
        produce(self.instance, 50)
        with self.instance.stream_process() as process:
            _, errors = process.communicate(timeout=120)
        assert process.returncode == CheckpointError.exit_code, errors[-2000:]
        assert "expired before they were read" in errors
        assert set(in_tables(self.instance)) == held

        kept = in_topic(self.instance)
        with self.instance.stream_process("--rebuild"):
            wait_until(
                lambda: set(in_tables(self.instance)) >= kept, 120, "what the topic still has"
            )
        tables = in_tables(self.instance)
        assert set(tables) == held | kept
        assert kept.isdisjoint(expired)
        assert max(tables.values()) == 1
