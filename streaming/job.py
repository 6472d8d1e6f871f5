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
from catalog.tags import Tags
from streaming import keeper, others
from streaming.care import caring
from streaming.checkpoint import (
    Rivals,
    Written,
    judge,
    move_aside,
    read_checkpoint,
    rebuild,
    was_rebuilt_for,
)
from streaming.lock import exclusive
from streaming.progress import ProgressListener
from streaming.session import open_session, small_session
from streaming.settings import StreamingSettings
from streaming.source import topic_bounds
from streaming.tagging import open_tags, tag_acts
from streaming.trades import Throttle, TradesQuery, finish
from streaming.watch import TableWatch
from streaming.written import read_written

_LIBRARIES = ("pyspark", "pyiceberg")
_WATCH_SECONDS = 0.25
_FIRST_BATCH_SECONDS = 30
# Spark's words for messages that the topic no longer has: when it plans, and when it reads.
_DATA_LOSS = ("KAFKA_DATA_LOSS", "Some data may have been lost")

log = get_logger("streaming.job")


def run(
    settings: StreamingSettings, broker: BrokerSettings, lake: LakeSettings, rebuild_for: str | None
) -> None:
    """Run until SIGTERM or SIGINT. Raises TapehouseError when it must not start, or fails.

    `rebuild_for` names a request to rebuild the checkpoint first, which is met once, however often
    the job is started with it; an unnamed one ("") each time.
    """
    began = time.monotonic()
    stop = threading.Event()
    libraries = {name: version(name) for name in _LIBRARIES}
    board = keeper.Board(version("tapehouse"), datetime.now(UTC).isoformat(), libraries)
    tags = open_tags(lake)
    acts: dict[str, keeper.Act] = dict(tag_acts(tags, lake))
    folder = settings.checkpoint / TRADES.name
    with (
        exclusive(settings.checkpoint) as lock,
        keeper.serve(
            board, settings.keeper_host, settings.keeper_port, settings.keeper_token, acts
        ),
        ThreadPoolExecutor(1) as beside,
    ):
        log.info("starting_spark", master=settings.master)
        reading = beside.submit(_read_table, lake, tags)
        with (
            open_session(settings, lake, keep_open=(lock,), stopping=stop) as session,
            _set_by_signals(stop),
        ):
            written, files = reading.result()
            if rebuild_for is not None and not was_rebuilt_for(folder, rebuild_for):
                _rebuild(session, broker, folder, written, rebuild_for)
            start = judge(read_checkpoint(folder, broker.topic), written)
            log.info("checkpoint_agrees", start=start)
            small = small_session(session)
            listener = ProgressListener(board, broker.topic)
            for one in (session, small):
                listener.listen_to(one)
            trades = TradesQuery(session, settings, broker, board, folder)
            trades.start(settings.trigger_seconds)
            slower: list[StreamingQuery] = []
            log.info("ready", seconds=round(time.monotonic() - began, 1))
            try:
                _await_first_batch(trades.query, listener.heard, stop)
                session.sparkContext.setLocalProperty("spark.scheduler.pool", "slow")
                aside = settings.checkpoint / others.NAME
                slower.append(others.start_others(small, broker, settings, aside))
                throttle = Throttle(trades, settings, board, lambda: _read_table(lake, tags)[0])
                with caring(small_session(session), files, settings, tags, board, stop) as care:
                    acts["/care"] = care
                    rivals = Rivals(str(trades.query.id), next(iter(written.marks), None))
                    _watch(throttle, slower, TableWatch(session, rivals, board), stop)
            finally:
                logging.getLogger("py4j").setLevel(logging.CRITICAL)
                finish([trades.query, *slower])
    log.info("stopped")


def _read_table(lake: LakeSettings, tags: Tags) -> tuple[Written, FileIO]:
    catalog = connect(lake)
    with translated(lake):
        ensure_tables(catalog)
        tags.sweep()
        return read_written(catalog), catalog.load_table(TRADES.identifier).io


def _rebuild(
    session: SparkSession, broker: BrokerSettings, folder: Path, written: Written, request: str
) -> None:
    beginnings, _ = topic_bounds(session, broker, broker.topic)
    now = datetime.now(UTC)
    aside = rebuild(folder, written, beginnings, now, request)
    # The slower query reads everything again and appends only what its tables lack.
    move_aside(folder.with_name(others.NAME), now)
    starting = read_checkpoint(folder, broker.topic).starting
    log.info("checkpoint_rebuilt", table=written.newest, starting=starting, aside=str(aside))


def _await_first_batch(
    query: StreamingQuery, heard: threading.Event, stop: threading.Event
) -> None:
    """Return when the query was heard of once: until then it shall have the machine to itself."""
    deadline = time.monotonic() + _FIRST_BATCH_SECONDS
    while query.isActive and not stop.is_set() and time.monotonic() < deadline:
        if heard.wait(_WATCH_SECONDS):
            return


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


def _watch(
    throttle: Throttle, slower: Sequence[StreamingQuery], tables: TableWatch, stop: threading.Event
) -> None:
    """Return when told to stop; raise when a query ends or another writer appears."""
    with tables.running():
        while not stop.wait(_WATCH_SECONDS):
            if tables.rival:
                raise tables.rival
            for query in (throttle.trades.query, *slower):
                if not query.isActive:
                    raise _failure(query)
            throttle.look()


def _failure(query: StreamingQuery) -> TapehouseError:
    reason = query.exception()
    text = str(reason) if reason else "it ended without a word"
    first_line = next((line for line in text.splitlines() if line.strip()), text)
    what = f"The query {query.name} failed: {first_line}"
    if any(words in text for words in _DATA_LOSS):
        # Another start from the same checkpoint would fail in the same way.
        return CheckpointError(
            f"{what} Messages expired before they were read: `tapehouse run --rebuild` (a stream of"
            " your own: `python -m streaming --rebuild`) goes on from what the topic still has."
        )
    return ServiceError(f"{what} It goes on from its checkpoint when it is started again.")
