"""A thread of its own that looks at the tables: their size for the keeper, rivals for the job."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from catalog.errors import CheckpointError
from catalog.logs import get_logger
from catalog.schema import TABLES, TRADES
from streaming import jvm_tables
from streaming.checkpoint import Rivals
from streaming.keeper import Board

_LOOK_SECONDS = 10

log = get_logger("streaming.watch")


class TableWatch:
    """Looks every ten seconds; `rival` is set once another stream's commit is seen.

    A catalog that does not answer is no reason to stop here: the stream itself notices, tries again
    and fails if it must.
    """

    def __init__(self, session: SparkSession, rivals: Rivals, board: Board) -> None:
        self._session = session
        self._rivals = rivals
        self._board = board
        self._over = threading.Event()
        self.rival: CheckpointError | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look while the block runs."""
        thread = threading.Thread(target=self._look_again_and_again, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()

    def look(self) -> None:
        """Look once."""
        for table in TABLES:
            java_table = jvm_tables.load(self._session, table)
            self._board.update_table(table.name, **jvm_tables.size(java_table))
            if table is TRADES:
                self._rivals.look(jvm_tables.newest_mark(java_table)[0])

    def _look_again_and_again(self) -> None:
        while self.rival is None:
            try:
                self.look()
            except CheckpointError as error:
                self.rival = error
            except Exception as error:  # noqa: BLE001 (see the class)
                if not self._over.is_set():
                    log.warning("tables_not_seen", error=jvm_tables.first_line(error))
            if self._over.wait(_LOOK_SECONDS):
                return
