"""The query of the trades: started from its checkpoint, and again with another trigger."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from catalog.errors import CheckpointError
from catalog.logs import get_logger
from catalog.schema import TRADES
from catalog.settings import BrokerSettings
from streaming.checkpoint import Written, judge, read_checkpoint
from streaming.keeper import Board
from streaming.pressure import Bounds, Health, next_trigger
from streaming.settings import StreamingSettings
from streaming.sink import append_trades
from streaming.source import EARLIEST, read_topics, topic_bounds
from streaming.transforms import valid_trades

_STOP_SECONDS = 8

log = get_logger("streaming.trades")


class TradesQuery:
    """The one query of trades; `query` is Spark's handle of it as it was started last."""

    query: StreamingQuery

    def __init__(
        self,
        session: SparkSession,
        settings: StreamingSettings,
        broker: BrokerSettings,
        board: Board,
        folder: Path,
    ) -> None:
        self._session = session
        self._settings = settings
        self._broker = broker
        self._board = board
        self._folder = folder

    def start(self, trigger_seconds: float) -> None:
        """Start it from its checkpoint. Raises CheckpointError when the topic lacks what it needs.

        The guard must have judged the checkpoint.
        """
        broker = self._broker
        checkpoint = read_checkpoint(self._folder, broker.topic)
        _, ends = topic_bounds(self._session, broker, broker.topic)
        starting = checkpoint.starting
        if starting is not None:
            starting = dict.fromkeys(ends, EARLIEST) | starting
        stored = checkpoint.planned.get(
            -1 if checkpoint.committed is None else checkpoint.committed
        )
        _require_kept(stored or starting or {}, ends, broker.topic)
        self._board.update_offsets(broker.topic, "latest", ends)
        if stored:
            self._board.update_offsets(broker.topic, "stored", stored)
        trades = read_topics(
            self._session,
            broker,
            (broker.topic,),
            self._settings.max_offsets,
            {broker.topic: starting} if starting else None,
        )
        self._session.sparkContext.setLocalProperty("spark.scheduler.pool", "stream")
        self.query = append_trades(valid_trades(trades), self._folder, trigger_seconds)
        self._board.update_query(id=str(self.query.id), trigger_seconds=trigger_seconds)

    def change_trigger(self, seconds: float, read_written: Callable[[], Written]) -> None:
        """Go on with another trigger, which Spark cannot give to a query that runs.

        The query stops between two micro-batches and starts again from its checkpoint, after the
        guard has judged it as at any start: should the last micro-batch have been interrupted after
        all, the sink knows its epoch. Raises CheckpointError where the guard refuses.
        """
        finish([self.query])
        judge(read_checkpoint(self._folder, self._broker.topic), read_written())
        self.start(seconds)


class Throttle:
    """Lets the stream commit less often while the table is in bad health, and says so."""

    def __init__(
        self,
        trades: TradesQuery,
        settings: StreamingSettings,
        board: Board,
        read_written: Callable[[], Written],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trades = trades
        self._configured = settings.trigger_seconds
        self._bounds = Bounds.of(
            settings.most_small_files, settings.rungs, settings.trigger_seconds
        )
        self._board = board
        self._read_written = read_written
        self._now = now
        self._files_at_start: int | None = None
        self._seconds = settings.trigger_seconds
        self._changed_at = now()

    def look(self) -> None:
        """Look at what the board tells of the table, and change the trigger if that has to be."""
        told = self._board.to_json()["tables"].get(TRADES.name, {})
        if "files" not in told:
            return
        if self._files_at_start is None:
            self._files_at_start = told["files"]
        health = Health.of(told, self._files_at_start)
        since = self._now() - self._changed_at
        wanted = next_trigger(self._seconds, self._configured, health.load(self._bounds), since)
        if wanted == self._seconds:
            return
        why = health.words(self._bounds) or "the table is well again"
        log.warning("trigger_changed", before=self._seconds, seconds=wanted, why=why)
        self.trades.change_trigger(wanted, self._read_written)
        self._board.update_query(
            stretched=None if wanted == self._configured else f"{self._configured:g} s: {why}"
        )
        self._seconds, self._changed_at = wanted, self._now()


def finish(queries: Iterable[StreamingQuery]) -> None:
    """Stop each query between two micro-batches, or in the middle of one that takes too long."""
    deadline = time.monotonic() + _STOP_SECONDS
    for query in queries:
        while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
            time.sleep(0.02)
        query.stop()


def _require_kept(wanted: dict[int, int], ends: dict[int, int], topic: str) -> None:
    gone = {place: offset for place, offset in wanted.items() if offset > ends.get(place, 0)}
    if gone:
        raise CheckpointError(
            f"Topic {topic} ends before what the table already holds (next offsets by topic"
            f" partition: {gone}, the topic's: {ends}): the topic was made anew, or the broker lost"
            " its data. A new topic needs a new home, or another KAFKA_TOPIC and warehouse."
        )
