"""Care of the tables, in the streaming process: who does it, when, and what is said of it.

One thread, one act at a time, its Spark jobs in a scheduler pool of their own, its Python at the
lowest priority, so that the stream comes first. Each act ends in one commit or in none, so that it
may be killed at any time; each is reported. What fails is told, and tried again the next round; the
stream never stops for it.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime

from pyiceberg.io import FileIO
from pyspark.sql import SparkSession

from catalog.endpoint import Json
from catalog.errors import ServiceError, SettingsError
from catalog.logs import get_logger
from catalog.schema import TABLES
from catalog.tags import Tags
from streaming import jvm_tables
from streaming.acts import Act, Report
from streaming.compacting import Compactor
from streaming.keeper import Act as KeepersAct
from streaming.keeper import Board
from streaming.merging import Stopped
from streaming.settings import StreamingSettings
from streaming.thinning import Thinner

_TAG = "care"
_FOLDER = "care"
_JOIN_SECONDS = 5
# A keeper's act is answered within two minutes.
_ANSWER_SECONDS = 100.0
# How often in a row care waits for one trigger when the stream is behind it.
_MOST_PAUSES = 5

log = get_logger("streaming.care")


class Courtesy:
    """Lets the stream go first: waits a trigger where the last micro-batch took longer."""

    def __init__(self, board: Board, stop: threading.Event) -> None:
        self._board = board
        self._stop = stop
        self._go_on_at = 0.0

    def within(self) -> None:
        """Called in the middle of an act, often. Raises Stopped at the process's end."""
        trigger = self._behind()
        if trigger and time.monotonic() >= self._go_on_at:
            self._stop.wait(trigger)
            # As long as it takes to see whether that helped.
            self._go_on_at = time.monotonic() + trigger
        if self._stop.is_set():
            raise Stopped

    def between(self) -> None:
        """Called after each act."""
        for _ in range(_MOST_PAUSES):
            trigger = self._behind()
            if not trigger or self._stop.wait(trigger):
                return

    def _behind(self) -> float:
        """The trigger's seconds, when the last micro-batch took longer; else 0."""
        told = self._board.to_json()["query"]
        seconds = told["trigger_seconds"] or 0.0
        return seconds if (told["batch_ms"] or 0) > seconds * 1000 else 0.0


class Care:
    """A round of care over all tables; what it does is told to the board, and nothing raises."""

    def __init__(
        self,
        session: SparkSession,
        io: FileIO,
        settings: StreamingSettings,
        tags: Tags,
        board: Board,
        stop: threading.Event,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session = session
        self._board = board
        self._stop = stop
        self._now = now
        self._courtesy = Courtesy(board, stop)
        pause = self._courtesy.within
        self._compactors = [Compactor(session, io, table, board, pause) for table in TABLES]
        self._thinner = Thinner(
            session,
            io,
            tags,
            settings.rungs,
            settings.checkpoint / _FOLDER,
            pause,
            now,
        )

    def do(self) -> list[Report]:
        """Do what is due; returns what was done."""
        self._activate()
        reports = []
        for planned in self._stages(counts=True):
            for act in self._planned(planned):
                report = self._attempt(act)
                if report:
                    reports.append(report)
                    self._courtesy.between()
        return reports

    def would(self) -> list[Report]:
        """What a round would do now, none of it done."""
        self._activate()
        return [
            {"table": act.table.name, "act": act.name, **act.would}
            for planned in self._stages(counts=False)
            for act in planned
        ]

    def _activate(self) -> None:
        context = self._session.sparkContext
        context.setLocalProperty("spark.scheduler.pool", "care")
        context.addJobTag(_TAG)
        jvm_tables.activate(self._session)

    def _stages(self, *, counts: bool) -> Iterator[Iterable[Act]]:
        """In this order: what compaction replaces is for expiry to drop."""
        now = self._now()
        for compactor in self._compactors:
            yield compactor.acts(now, counts=counts)
        yield self._thinner.acts()

    def _planned(self, acts: Iterable[Act]) -> Iterator[Act]:
        each = iter(acts)
        while not self._stop.is_set():
            try:
                act = next(each, None)
            except Exception as error:  # noqa: BLE001 (whatever it is, the stream goes on)
                self._tell({"act": "plan", "error": jvm_tables.first_line(error)})
                return
            if act is None:
                return
            yield act

    def _attempt(self, act: Act) -> Report | None:
        began = time.monotonic()
        log.debug("act_begins", table=act.table.name, act=act.name)
        try:
            done = act.do()
        except Stopped:
            return None
        except Exception as error:  # noqa: BLE001 (whatever it is, the stream goes on)
            done = {"error": jvm_tables.first_line(error)}
        if done is None or self._stop.is_set():
            return None
        seconds = round(time.monotonic() - began, 2)
        return self._tell({"table": act.table.name, "act": act.name, "seconds": seconds, **done})

    def _tell(self, done: Report) -> Report:
        report = {**done, "at": self._now().isoformat()}
        self._board.add_act(report)
        (log.warning if "error" in report else log.info)("cared", **report)
        return report


@contextmanager
def caring(
    session: SparkSession,
    io: FileIO,
    settings: StreamingSettings,
    tags: Tags,
    board: Board,
    stop: threading.Event,
) -> Iterator[KeepersAct]:
    """Look after the tables every `care_seconds` until `stop`; the block's end waits for the end.

    Yields the keeper's act, `POST /care {dry_run}`: a round out of turn, or what it would do. A
    round under way when all ends is broken off: its files are orphans, the table never sees them.
    """
    care = Care(session, io, settings, tags, board, stop)
    asked: queue.Queue[_Asked | None] = queue.Queue()
    thread = threading.Thread(
        target=_work, args=(care, settings.care_seconds, asked, stop), name="care", daemon=True
    )
    thread.start()
    try:
        yield lambda body: _ask(asked, body)
    finally:
        stop.set()
        asked.put(None)
        session.sparkContext.cancelJobsWithTag(_TAG)
        thread.join(_JOIN_SECONDS)


_Asked = tuple[bool, "Future[list[Report]]"]
"""Whether nothing shall be done, and where the answer goes."""


def _work(
    care: Care, seconds: float, asked: "queue.Queue[_Asked | None]", stop: threading.Event
) -> None:
    # Linux keeps this for each thread: what care does in Python waits for whoever has work to do.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    due = time.monotonic() + seconds
    while not stop.is_set():
        try:
            request = asked.get(timeout=max(due - time.monotonic(), 0))
        except queue.Empty:
            care.do()
            due = time.monotonic() + seconds
            continue
        if request:
            _answer(care, *request)


def _answer(care: Care, is_dry: bool, answer: "Future[list[Report]]") -> None:
    try:
        answer.set_result(care.would() if is_dry else care.do())
    except Exception as error:  # noqa: BLE001 (whoever asked is told)
        answer.set_exception(ServiceError(f"Care could not tell: {jvm_tables.first_line(error)}"))


def _ask(asked: "queue.Queue[_Asked | None]", body: Json) -> Json:
    is_dry = body.get("dry_run", False)
    if not isinstance(is_dry, bool):
        raise SettingsError("dry_run must be true or false.")
    answer: Future[list[Report]] = Future()
    asked.put((is_dry, answer))
    try:
        return {"done": True, "acts": answer.result(_ANSWER_SECONDS)}
    except TimeoutError:
        return {"done": False, "acts": []}
