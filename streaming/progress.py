# ruff: noqa: N802, SLF001 (the names and arguments are Spark's, and its gateway private)
"""What the queries report after each micro-batch, written on the keeper's board and in the log."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from py4j.java_gateway import JavaGateway, JavaObject
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession

from catalog.logs import get_logger
from catalog.schema import TRADES
from streaming.keeper import Board
from streaming.source import Offsets

_INFO_SECONDS = 30

log = get_logger("streaming.progress")


class ProgressListener:
    """Called by Spark, off the stream's own thread, after each micro-batch of every query.

    It speaks to the JVM itself: PySpark's own listener fetches every field of an event by a call of
    its own, which took a tenth of a core at a trigger of one second.
    """

    class Java:
        """Which interface py4j shall give it in the JVM."""

        implements = ("org.apache.spark.sql.streaming.PythonStreamingQueryListener",)

    def __init__(
        self,
        board: Board,
        trades_topic: str,
        now: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._board = board
        self._trades_topic = trades_topic
        self._now = now
        self._clock = clock
        self._rows_since_info = 0
        self._last_info = now()
        # Set once a query has told of a micro-batch, or that there is nothing to do.
        self.heard = threading.Event()

    def listen_to(self, session: SparkSession) -> None:
        """Hear of all queries that are started in the session from now on."""
        gateway: JavaGateway = session.sparkContext._gateway
        ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]
        wrapper = gateway.jvm.org.apache.spark.sql.streaming.PythonStreamingQueryListenerWrapper
        session._jsparkSession.streams().addListener(wrapper(self))

    def onQueryStarted(self, event: JavaObject) -> None:
        """Part of Spark's interface; nothing to do."""

    def onQueryIdle(self, event: JavaObject) -> None:
        """Called, now and then, while a query's triggers find nothing new."""
        self.note_idle(event.id().toString())

    def onQueryProgress(self, event: JavaObject) -> None:
        """Called after each micro-batch, and now and then between them."""
        self.note(json.loads(event.progress().json()))

    def onQueryTerminated(self, event: JavaObject) -> None:
        """Part of Spark's interface; the job itself watches for ends."""

    def note_idle(self, query_id: str) -> None:
        """Take in that a query found nothing new: all there was is stored."""
        if query_id == self._board.to_json()["query"]["id"]:
            self._board.update_query(
                waiting=True,
                rows_per_second=0.0,
                input_rows_per_second=0.0,
                reported_at=self._clock().isoformat(),
            )
        self.heard.set()

    def note(self, progress: dict[str, Any]) -> None:
        """Take in one progress report, in Spark's JSON form."""
        is_trades = progress["name"] == TRADES.name
        for source in progress["sources"]:
            self._note_offsets(source, is_trades)
        if is_trades:
            self._note_batch(progress)
        self.heard.set()

    def _note_offsets(self, source: dict[str, Any], is_trades: bool) -> None:
        for topic, offsets in (source["endOffset"] or {}).items():
            is_second_reading = topic == self._trades_topic and not is_trades
            name = "checked" if is_second_reading else "stored"
            self._board.update_offsets(topic, name, to_offsets(offsets))
        for topic, offsets in (source["latestOffset"] or {}).items():
            self._board.update_offsets(topic, "latest", to_offsets(offsets))

    def _note_batch(self, progress: dict[str, Any]) -> None:
        rows = progress["numInputRows"]
        durations = progress.get("durationMs", {})
        self._board.update_query(
            id=progress["id"],
            epoch=progress["batchId"],
            rows_per_second=round(progress.get("processedRowsPerSecond") or 0.0, 1),
            input_rows_per_second=round(progress.get("inputRowsPerSecond") or 0.0, 1),
            waiting=rows == 0,
            reported_at=self._clock().isoformat(),
            **({"batch_ms": durations.get("triggerExecution")} if rows else {}),
        )
        if rows:
            log.debug("micro_batch", epoch=progress["batchId"], rows=rows, **durations)
        self._rows_since_info += rows
        self._inform()

    def _inform(self) -> None:
        seconds = self._now() - self._last_info
        if seconds >= _INFO_SECONDS:
            log.info("streaming", rows=self._rows_since_info, seconds=round(seconds))
            self._rows_since_info, self._last_info = 0, self._now()


def to_offsets(offsets: dict[str, int]) -> Offsets:
    """Spark's JSON form, with topic partitions as texts, to ours."""
    return {int(place): offset for place, offset in offsets.items()}
