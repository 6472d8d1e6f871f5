"""The one poller of a process: it reads new trades from the lake and publishes immutable frames.

Sessions only ever read `LiveMarket.frame`; none of them queries the lake for live data. Each step
asks the catalog for the newest snapshot (references only, a few milliseconds), and where it is new,
its manifests for the files that may hold rows beyond the last offset seen in each topic partition;
so compaction and expiry beside it change nothing. Older history is loaded piece by piece between
steps, at the snapshot that the frame stands on.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.table import Table as IcebergTable
from tenacity import RetryCallState, Retrying, wait_exponential, wait_random_exponential

from catalog.client import translated
from catalog.errors import LakeError, TapehouseError
from catalog.logs import get_logger
from catalog.schema import TRADES, Table
from catalog.settings import LakeSettings
from serving.bars import Bar, Interval, from_arrow, select_bars
from serving.feed_watch import FeedNews, FeedWatch
from serving.frames import Frame, Position, State, Trouble, next_version
from serving.lake import Lake
from serving.manifests import files_since
from serving.market import Market
from serving.news import News, Observer
from serving.queries import Query
from serving.reading import (
    TradesAt,
    add_tape,
    begin,
    complete,
    load,
    position_of,
    with_market,
)

_LOG = get_logger(__name__)
_FEED_EVERY_SECONDS = 5.0
_OFFSETS = ("kafka_partition", "kafka_offset")
_RECEIVED = ("symbol", "received_us")
# After a failure, half of it jitter: at most 0.5 s at first, 5 s at last.
_RETRY_WAIT = wait_exponential(0.25, max=2.5) + wait_random_exponential(0.25, max=2.5)


def _microseconds() -> int:
    return time.time_ns() // 1000


@dataclass(slots=True)
class _Session:
    """What one connection to the lake needs; thrown away when anything in it fails."""

    lake: Lake
    catalog: Catalog


@dataclass(slots=True)
class _Stand:
    """Which rows of which table the market is made of."""

    table_id: str
    sequence_number: int
    position: Position
    offsets: dict[int, int]


class LiveMarket:
    """Follows the lake in a thread of its own between `start` and `stop`.

    An outage of catalog or store shows in the frame, with its reason and since when; it ends by
    itself.
    """

    def __init__(
        self,
        settings: LakeSettings,
        *,
        every_seconds: float = 0.4,
        memory_limit: str = "1GB",
        observers: Sequence[Observer] = (),
        now: Callable[[], int] = _microseconds,
    ) -> None:
        self._settings = settings
        self._observers = observers
        self._every_seconds = every_seconds
        self._memory_limit = memory_limit
        self._now = now
        self._frame = Frame()
        self._session: _Session | None = None
        self._stand: _Stand | None = None
        self._market = Market({})
        self._feed = FeedWatch()
        self._feed_due = 0.0
        # What the look under way has brought so far.
        self._trades: pa.Table | None = None
        self._feed_news: FeedNews | None = None
        self._failures = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-market", daemon=True)
        # A database without files, for making bars of rows already in memory.
        self._scratch = duckdb.connect(":memory:", config={"threads": 1})

    @property
    def frame(self) -> Frame:
        """The newest frame."""
        return self._frame

    def start(self) -> Self:
        """Begin to follow."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread and let go of the lake."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._disconnect()
        self._scratch.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_for(self, holds: Callable[[Frame], bool], timeout_seconds: float) -> Frame:
        """The first frame that `holds`; TimeoutError when none does in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: holds(self._frame), timeout_seconds):
                raise TimeoutError(f"no such frame in {timeout_seconds} s: {self._frame.state}")
            return self._frame

    def step(self) -> float:
        """Look once, publish what changed; returns the seconds to wait before the next look."""
        before, self._trades, self._feed_news = self._frame, None, None
        seconds = self._try_to_look()
        news = News(before, self._frame, self._trades, self._feed_news)
        for observer in self._observers:
            try:
                observer(news)
            except Exception:  # noqa: BLE001 (whatever watches the market must not stop it)
                _LOG.exception("observer_failed")
        return seconds

    def _try_to_look(self) -> float:
        try:
            busy = self._look()
        except TapehouseError as error:
            return self._fail(str(error))
        except Exception as error:  # noqa: BLE001
            # A thread that dies silently would leave a frozen screen that looks alive.
            _LOG.exception("live_market_failed")
            return self._fail(f"{type(error).__name__} in the dashboard; its log has the details.")
        self._failures = 0
        return 0.0 if busy else self._every_seconds

    def _follow(self) -> None:
        while not self._stopping.wait(self.step()):
            pass

    def _look(self) -> bool:
        """Whether more is waiting to be read at once."""
        session = self._session = self._session or self._connect()
        with translated(self._settings):
            table = session.catalog.load_table(TRADES.identifier)
        position = _position(table)
        if self._stand is None or self._stand.table_id != str(table.metadata.table_uuid):
            self._stand = self._begin(session, table, position)
            self._feed = FeedWatch()
        elif position.snapshot_id != self._stand.position.snapshot_id:
            self._stand = self._advance(session, self._stand, table, position)
        elif self._market.wanted:
            trades = TradesAt(session.lake, self._stand.position.snapshot_id)
            load(self._market, trades, self._market.wanted[:1])
        elif self._frame.state is not State.BROKEN and not self._look_at_feed(session):
            return False
        self._publish(self._stand)
        return bool(self._market.wanted)

    def _begin(self, session: _Session, table: IcebergTable, position: Position) -> _Stand:
        with translated(self._settings):
            files = files_since(table)
        self._market, bounds = begin(TradesAt(session.lake, position.snapshot_id, files))
        _LOG.info("live_market_began", symbols=len(bounds.event_times), rows=position.rows)
        return _Stand(
            str(table.metadata.table_uuid),
            _sequence_number(table),
            complete(position, bounds.received_to),
            bounds.positions,
        )

    def _advance(
        self, session: _Session, stand: _Stand, table: IcebergTable, position: Position
    ) -> _Stand:
        with translated(self._settings):
            files = files_since(table, stand.sequence_number)
        rows = TradesAt(session.lake, position.snapshot_id, files).beyond(stand.offsets)
        if rows.num_rows:
            self._market.add_trades(self._bars(rows))
            add_tape(self._market, rows)
            self._trades = rows
        return _Stand(
            stand.table_id,
            _sequence_number(table),
            complete(position, {**stand.position.received_to, **_last(rows, _RECEIVED)}),
            stand.offsets | _last(rows, _OFFSETS),
        )

    def _bars(self, rows: pa.Table) -> dict[str, list[Bar]]:
        self._scratch.register("new_trades", rows)
        query = select_bars(Query("SELECT * FROM new_trades"), Interval.S1)
        return from_arrow(self._scratch.execute(query.text).to_arrow_table())

    def _look_at_feed(self, session: _Session) -> bool:
        if time.monotonic() < self._feed_due:
            return False
        self._feed_due = time.monotonic() + _FEED_EVERY_SECONDS

        def load_table(table: Table) -> IcebergTable:
            return session.catalog.load_table(table.identifier)

        with translated(self._settings):
            news = self._feed_news = self._feed.look(session.lake, load_table, self._now())
        known = self._frame.feed, self._frame.gaps
        if news is None or (news.last, news.all_gaps) == known:
            return False
        self._frame = replace(self._frame, feed=news.last, gaps=news.all_gaps)
        return True

    def _publish(self, stand: _Stand) -> None:
        self._swap(with_market(self._frame, self._market, stand.position))

    def _fail(self, reason: str) -> float:
        self._disconnect()
        since = self._frame.trouble.since if self._frame.trouble else self._now()
        if self._frame.trouble != Trouble(since, reason):
            _LOG.warning("live_market_broken", reason=reason)
            self._swap(replace(self._frame, state=State.BROKEN, trouble=Trouble(since, reason)))
        self._failures += 1
        tries = RetryCallState(Retrying(), None, (), {})
        tries.attempt_number = self._failures
        return float(_RETRY_WAIT(tries))

    def _swap(self, frame: Frame) -> None:
        with self._changed:
            self._frame = replace(frame, version=next_version())
            self._changed.notify_all()

    def _connect(self) -> _Session:
        with translated(self._settings):
            properties = self._settings.catalog_properties() | {"snapshot-loading-mode": "refs"}
            catalog = RestCatalog("live", **properties)
        return _Session(Lake.open(self._settings, memory_limit=self._memory_limit), catalog)

    def _disconnect(self) -> None:
        if self._session is not None:
            self._session.lake.close()
            self._session = None


def _position(table: IcebergTable) -> Position:
    snapshot = table.current_snapshot()
    if snapshot is None:
        raise LakeError("Table trades has no snapshot yet. Has the stack been started?")
    return position_of(snapshot)


def _sequence_number(table: IcebergTable) -> int:
    snapshot = table.current_snapshot()
    return (snapshot.sequence_number or 0) if snapshot else 0


def _last(rows: pa.Table, columns: tuple[str, str]) -> dict[Any, int]:
    """The largest value of the second column, by the first."""
    if not rows.num_rows:
        return {}
    key, value = columns
    last = rows.group_by(key).aggregate([(value, "max")]).to_pylist()
    return {row[key]: row[f"{value}_max"] for row in last}
