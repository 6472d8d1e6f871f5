"""Somebody's SQL, asked in the background: a page goes on, may cancel, and comes for the answer."""

import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Thread

from catalog.errors import QueryError
from catalog.moments import Moment
from serving.console.wire import Outcome

_WHOLE_NAME = re.compile(
    r"""\blake"?\s*\.\s*"?market"?\s*\.\s*"?\w+"?(?!\s*AT\b)(?![\w"])""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A question that was asked; nothing of its answer."""

    sql: str
    at: datetime
    ending: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a session, and what will come of it."""

    sql: str
    moment: Moment
    future: Future[Outcome]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_running(self) -> bool:
        """Whether the answer, or the error, is still to come."""
        return not self.future.done()

    def to_earlier(self) -> Earlier:
        """What is left of it when the next question comes: how it ended, without the rows."""
        if self.is_running:
            return Earlier(self.sql, self.at, "given up")
        error = self.future.exception()
        if error is not None:
            return Earlier(self.sql, self.at, str(error))
        return Earlier(self.sql, self.at, f"{self.future.result().table.num_rows:,} rows")


def ask(sql: str, moment: Moment, run: Callable[[str, Moment], Outcome]) -> Asked:
    """Begin to run it in a thread of its own; what `run` raises is the future's."""
    future: Future[Outcome] = Future()

    def work() -> None:
        try:
            future.set_result(run(sql, moment))
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    Thread(target=work, name="question", daemon=True).start()
    return Asked(sql, moment, future)


def check_stands_at(sql: str, moment: Moment) -> None:
    """Raises QueryError where SQL about the past names a table in full, without AT.

    What a moment moves is the plain names; `lake.market.trades` is always the newest snapshot.
    """
    if not moment.is_live and _WHOLE_NAME.search(sql):
        raise QueryError(
            "lake.market.NAME reads the newest snapshot, and this page stands at a past moment."
            " Name the table plainly (trades), or say AT (VERSION => snapshot id)."
        )
