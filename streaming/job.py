"""The job: guard, Spark, the two queries, care, the keeper; until told to stop or one fails."""

import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pyiceberg.io import FileIO
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from catalog.client import connect, translated
from catalog.errors import CheckpointError, ServiceError, TapehouseError
from catalog.logs import get_logger
from catalog.schema import TRADES
from catalog.settings import BrokerSettings, LakeSettings
from catalog.tables import ensure_tables
from streaming import keeper, others
from streaming.care import caring
from streaming.checkpoint import Rivals, Written, judge, move_aside, read_checkpoint, rebuild
from streaming.lock import exclusive
from streaming.progress import ProgressListener
from streaming.session import open_session, small_session
from streaming.settings import StreamingSettings
from streaming.sink import append_trades
from streaming.source import EARLIEST, read_topics, topic_bounds
from streaming.transforms import valid_trades
from streaming.watch import TableWatch
from streaming.written import read_written

_STOP_SECONDS = 8
_WATCH_SECONDS = 0.25
_FIRST_BATCH_SECONDS = 30
# Spark's class of errors for messages that the topic no longer has.
_DATA_LOSS = "KAFKA_DATA_LOSS"

log = get_logger("streaming.job")


def run(
    settings: StreamingSettings, broker: BrokerSettings, lake: LakeSettings, rebuilds: bool
) -> None:
    """Run until SIGTERM or SIGINT. Raises TapehouseError when it must not start, or fails."""
    began = time.monotonic()
    stop = threading.Event()
    board = keeper.Board(version("tapehouse"), datetime.now(UTC).isoformat())
    folder = settings.checkpoint / TRADES.name
    with (
        exclusive(settings.checkpoint) as lock,
        keeper.serve(board, settings.keeper_host, settings.keeper_port, settings.keeper_token),
        ThreadPoolExecutor(1) as beside,
    ):
        log.info("starting_spark", master=settings.master)
        reading = beside.submit(_read_table, lake)
        with (
            open_session(settings, lake, keep_open=(lock,), stopping=stop) as session,
            _set_by_signals(stop),
        ):
            written, files = reading.result()
            if rebuilds:
                _rebuild(session, broker, folder, written)
            start = judge(read_checkpoint(folder, broker.topic), written)
            log.info("checkpoint_agrees", start=start)
            small = small_session(session)
            listener = ProgressListener(board, broker.topic)
            for one in (session, small):
                listener.listen_to(one)
            queries = [_start_trades(session, settings, broker, board, folder)]
            log.info("ready", seconds=round(time.monotonic() - began, 1))
            try:
                _await_first_batch(queries[0], listener.heard, stop)
                session.sparkContext.setLocalProperty("spark.scheduler.pool", "slow")
                aside = settings.checkpoint / others.NAME
                queries.append(others.start_others(small, broker, settings, aside))
                with caring(small_session(session), files, settings, board, stop):
                    rivals = Rivals(str(queries[0].id), next(iter(written.marks), None))
                    _watch(queries, TableWatch(session, rivals, board), stop)
            finally:
                _finish(queries)
    log.info("stopped")


def _read_table(lake: LakeSettings) -> tuple[Written, FileIO]:
    catalog = connect(lake)
    with translated(lake):
        ensure_tables(catalog)
        return read_written(catalog), catalog.load_table(TRADES.identifier).io


def _rebuild(session: SparkSession, broker: BrokerSettings, folder: Path, written: Written) -> None:
    beginnings, _ = topic_bounds(session, broker, broker.topic)
    now = datetime.now(UTC)
    aside = rebuild(folder, written, beginnings, now)
    # The slower query reads everything again and appends only what its tables lack.
    move_aside(folder.with_name(others.NAME), now)
    starting = read_checkpoint(folder, broker.topic).starting
    log.info("checkpoint_rebuilt", table=written.newest, starting=starting, aside=str(aside))


def _start_trades(
    session: SparkSession,
    settings: StreamingSettings,
    broker: BrokerSettings,
    board: keeper.Board,
    folder: Path,
) -> StreamingQuery:
    checkpoint = read_checkpoint(folder, broker.topic)
    _, ends = topic_bounds(session, broker, broker.topic)
    starting = checkpoint.starting
    if starting is not None:
        starting = dict.fromkeys(ends, EARLIEST) | starting
    stored = checkpoint.planned.get(-1 if checkpoint.committed is None else checkpoint.committed)
    _require_kept(stored or starting or {}, ends, broker.topic)
    board.update_offsets(broker.topic, "latest", ends)
    if stored:
        board.update_offsets(broker.topic, "stored", stored)
    trades = read_topics(
        session,
        broker,
        (broker.topic,),
        settings.max_offsets,
        {broker.topic: starting} if starting else None,
    )
    session.sparkContext.setLocalProperty("spark.scheduler.pool", "stream")
    query = append_trades(valid_trades(trades), folder, settings.trigger_seconds)
    board.update_query(id=str(query.id), trigger_seconds=settings.trigger_seconds)
    return query


def _await_first_batch(
    query: StreamingQuery, heard: threading.Event, stop: threading.Event
) -> None:
    """Return when the query was heard of once: until then it shall have the machine to itself."""
    deadline = time.monotonic() + _FIRST_BATCH_SECONDS
    while query.isActive and not stop.is_set() and time.monotonic() < deadline:
        if heard.wait(_WATCH_SECONDS):
            return


def _require_kept(wanted: dict[int, int], ends: dict[int, int], topic: str) -> None:
    gone = {place: offset for place, offset in wanted.items() if offset > ends.get(place, 0)}
    if gone:
        raise CheckpointError(
            f"Topic {topic} ends before what the table already holds (next offsets by topic"
            f" partition: {gone}, the topic's: {ends}): the topic was made anew, or the broker lost"
            " its data. A new topic needs a new home, or another KAFKA_TOPIC and warehouse."
        )


@contextmanager
def _set_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event. Enter it after Spark's start, which takes SIGINT too."""
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(queries: Sequence[StreamingQuery], tables: TableWatch, stop: threading.Event) -> None:
    """Return when told to stop; raise when a query ends or another writer appears."""
    with tables.running():
        while not stop.wait(_WATCH_SECONDS):
            if tables.rival:
                raise tables.rival
            for query in queries:
                if not query.isActive:
                    raise _failure(query)


def _failure(query: StreamingQuery) -> TapehouseError:
    reason = query.exception()
    text = str(reason) if reason else "it ended without a word"
    first_line = next((line for line in text.splitlines() if line.strip()), text)
    what = f"The query {query.name} failed: {first_line}"
    if _DATA_LOSS in text:
        # Another start from the same checkpoint would fail in the same way.
        return CheckpointError(
            f"{what} Messages expired before they were read: `python -m streaming --rebuild` goes"
            " on from what the topic still has."
        )
    return ServiceError(f"{what} It goes on from its checkpoint when it is started again.")


def _finish(queries: Sequence[StreamingQuery]) -> None:
    """Stop each query between two micro-batches, or in the middle of one that takes too long."""
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    deadline = time.monotonic() + _STOP_SECONDS
    for query in queries:
        while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
            time.sleep(0.02)
        query.stop()
