"""One lake for all sessions of a process: opened when first needed, anew when it fails or ages."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock

from catalog.errors import LakeError, MomentError
from catalog.moments import History, Moment, ResolvedMoment, resolve
from catalog.settings import LakeSettings
from serving.lake import Lake

# The catalog's token lives an hour or less, and DuckDB keeps the one that it attached with.
_OLDEST_SECONDS = 600.0
_KNOWN_SECONDS = 10.0

Histories = tuple[History, ...]


class SharedLake:
    """Safe to share between threads."""

    def __init__(
        self,
        settings: LakeSettings,
        memory_limit: str = "1GB",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._memory_limit = memory_limit
        self._clock = clock
        self._lock = Lock()
        self._lake: Lake | None = None
        self._opened = 0.0
        self._histories: Histories | None = None
        self._told = 0.0

    @contextmanager
    def asking(self) -> Iterator[Lake]:
        """The open lake, around one question. Raises LakeError; the next question opens it anew."""
        lake = self._open()
        try:
            yield lake
        except MomentError:
            raise
        except LakeError:
            with self._lock:
                if self._lake is lake:
                    # Not closed: others may be asking it. The last of them lets go of it.
                    self._lake = None
            raise

    def histories(self, at_most_seconds: float = _KNOWN_SECONDS) -> Histories:
        """The kept snapshots and tags of every table, as they were told not longer ago."""
        with self._lock:
            known = self._histories
            if known is not None and self._clock() - self._told <= at_most_seconds:
                return known
        with self.asking() as lake:
            told = self._clock()
            fresh = lake.histories()
        with self._lock:
            self._histories, self._told = fresh, told
        return fresh

    def resolve(self, moment: Moment) -> ResolvedMoment:
        """The moment's snapshot in each table. Raises MomentError by what the lake tells now."""
        try:
            return resolve(moment, self.histories(), datetime.now(UTC))
        except MomentError:
            # It may be newer than what is known.
            return resolve(moment, self.histories(0.0), datetime.now(UTC))

    def _open(self) -> Lake:
        with self._lock:
            if self._lake is None or self._clock() - self._opened > _OLDEST_SECONDS:
                self._lake = Lake.open(self.settings, memory_limit=self._memory_limit)
                self._opened = self._clock()
            return self._lake
