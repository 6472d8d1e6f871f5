"""One lake for all sessions of a process: opened when first needed, anew when it fails or ages."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Lock

from catalog.errors import LakeError, MomentError
from catalog.moments import LIVE, History, Moment, ResolvedMoment, resolve
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
            if known is not None and self._clock() - self._told < at_most_seconds:
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

    def step(self, moment: Moment, by: int) -> Moment:
        """The kept moment before (-1) or after (1) this one; live stands for the newest.

        Those that another table no longer has are passed over. Raises MomentError before the
        oldest.
        """
        histories = self.histories(1.0)
        now = datetime.now(UTC)
        here = resolve(moment, histories, now).snapshot_ids[histories[0].table]
        ids = [snapshot.snapshot_id for snapshot in histories[0].snapshots]
        place = ids.index(here) + by
        while 0 <= place < len(ids) - 1:
            found = Moment(snapshot_id=ids[place])
            with suppress(MomentError):
                resolve(found, histories, now)
                return found
            place += by
        if place < 0:
            raise MomentError("Nothing older is kept: what was before has been expired.")
        return LIVE

    def _open(self) -> Lake:
        with self._lock:
            if self._lake is None or self._clock() - self._opened > _OLDEST_SECONDS:
                self._lake = Lake.open(self.settings, memory_limit=self._memory_limit)
                self._opened = self._clock()
            return self._lake
