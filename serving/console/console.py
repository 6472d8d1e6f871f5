"""Questions from several users: one at a time for each, each in a process of its own, all told of.

A process is started ahead, so that a question does not wait for Python and for the catalog.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import BoundedSemaphore, Lock, Thread
from types import TracebackType
from typing import Self

from catalog import client
from catalog.errors import QueryError, TapehouseError
from catalog.logs import get_logger
from catalog.moments import History, Moment, parse_moment, resolve
from catalog.schema import TABLES
from catalog.settings import LakeSettings
from serving.console.gate import check_text
from serving.console.runner import Ending, Runner
from serving.console.settings import ConsoleSettings
from serving.console.wire import Asked, Outcome, Question

_log = get_logger(__name__)

# A token of the catalog lives an hour or less.
_OLDEST_SPARE_SECONDS = 600.0
_LONGEST_LOGGED = 500


class Console:
    """Runs the questions of all users; safe to share between threads."""

    def __init__(self, settings: LakeSettings, limits: ConsoleSettings) -> None:
        self._settings = settings
        self._limits = limits
        self._lock = Lock()
        self._places = BoundedSemaphore(limits.at_once)
        self._spares: list[Runner] = []
        # None while a user's process is not chosen yet.
        self._running: dict[str, Runner | None] = {}
        self._cancelled: set[str] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def prepare(self) -> None:
        """Start the processes that stand ready, if they do not yet; returns at once."""
        while True:
            with self._lock:
                if self._closed or len(self._spares) >= self._limits.spares:
                    return
                self._spares.append(self._start())

    def ask(
        self,
        user: str,
        sql: str,
        as_of: Moment | None = None,
        parameters: Sequence[object] = (),
        *,
        seconds: float | None = None,
        rows: int | None = None,
    ) -> Outcome:
        """Answer one SELECT for a user; `seconds` and `rows` may lower the limits.

        Raises QueryError when the SQL is at fault, not allowed, too costly or cancelled, or when
        the user's last question still runs; MomentError; LakeError when the lake does not answer.
        """
        with self._lock:
            if user in self._running:
                raise QueryError(
                    "Your last query still runs; one at a time is served. Wait for it or cancel it."
                )
            if not self._places.acquire(blocking=False):
                raise QueryError(
                    f"{self._limits.at_once} queries of others run now, which is all that is"
                    " served at once. Try again in a moment."
                )
            self._running[user] = None
        ending, outcome = "answered", None
        try:
            question = self._question(sql, as_of, parameters, seconds, rows)
            outcome = self._runner_for(user).ask(question)
        except TapehouseError as error:
            ending = f"{type(error).__name__}: {error}"
            raise
        except BaseException as error:
            ending = type(error).__name__
            raise
        finally:
            with self._lock:
                runner = self._running.pop(user)
                self._cancelled.discard(user)
            if runner is not None:
                runner.end(Ending.CLOSED)
            self._places.release()
            _tell(user, sql, as_of, ending, outcome)
            # In a thread: to start a process takes some milliseconds that the answer need not wait.
            Thread(target=self.prepare, daemon=True).start()
        return outcome

    def cancel(self, user: str) -> bool:
        """End the user's running question, if there is one."""
        with self._lock:
            runner = self._running.get(user)
            if user in self._running and runner is None:
                self._cancelled.add(user)
                return True
        if runner is None:
            return False
        runner.end(Ending.CANCELLED)
        return True

    def close(self) -> None:
        """End every process."""
        with self._lock:
            self._closed = True
            spares, self._spares = self._spares, []
            running = [runner for runner in self._running.values() if runner is not None]
        for runner in running:
            runner.end(Ending.CANCELLED)
        for runner in spares:
            runner.end(Ending.CLOSED)

    def _question(
        self,
        sql: str,
        as_of: Moment | None,
        parameters: Sequence[object],
        seconds: float | None,
        rows: int | None,
    ) -> Question:
        check_text(sql)
        limits = self._limits
        return Question(
            sql,
            self._snapshot_ids(as_of) if as_of and not as_of.is_live else {},
            tuple(parameters),
            min(rows or limits.rows, limits.rows),
            limits.most_bytes,
            min(seconds or limits.seconds, limits.seconds),
        )

    def _snapshot_ids(self, moment: Moment) -> dict[str, int]:
        with client.translated(self._settings):
            catalog = client.connect(self._settings)
            histories = [
                History.of(table.name, catalog.load_table(table.identifier)) for table in TABLES
            ]
        return dict(resolve(moment, histories, datetime.now(UTC)).snapshot_ids)

    def _runner_for(self, user: str) -> Runner:
        runner = self._spare() or self._start()
        with self._lock:
            self._running[user] = runner
            cancelled = user in self._cancelled
        if cancelled:
            runner.end(Ending.CANCELLED)
        return runner

    def _spare(self) -> Runner | None:
        """One that stands ready; those that are too old, or could not open the lake, are ended."""
        while True:
            with self._lock:
                if not self._spares:
                    return None
                spare = self._spares.pop(0)
            with suppress(TapehouseError):
                if spare.age_seconds < _OLDEST_SPARE_SECONDS:
                    spare.wait_ready()
                    return spare
            spare.end(Ending.CLOSED)

    def _start(self) -> Runner:
        return Runner.start(self._settings, self._limits.memory_bytes, self._limits.threads)


def ask_once(settings: LakeSettings, limits: ConsoleSettings, asked: Asked) -> Outcome:
    """Answer one question, with its own limits where it has some, in a process that ends with it.

    Raises as `Console.ask` does. Ctrl-C (KeyboardInterrupt) ends the process too.
    """
    own = {"seconds": asked.seconds or limits.seconds, "rows": asked.rows or limits.rows}
    with Console(settings, limits.model_copy(update={"spares": 0, **own})) as console:
        return console.ask(asked.user, asked.sql, moment_of(asked), asked.parameters)


def moment_of(asked: Asked) -> Moment | None:
    """The moment that the question names. Raises MomentError."""
    return None if asked.as_of is None else parse_moment(asked.as_of)


def _tell(user: str, sql: str, as_of: Moment | None, ending: str, outcome: Outcome | None) -> None:
    _log.info(
        "query",
        user=user,
        sql=sql[:_LONGEST_LOGGED],
        as_of=str(as_of or "live"),
        ending=ending,
        rows=outcome.table.num_rows if outcome else None,
        bytes=outcome.table.nbytes if outcome else None,
        cut=outcome.cut if outcome else None,
        seconds=round(outcome.seconds, 3) if outcome else None,
    )
