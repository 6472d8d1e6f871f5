"""How long trades take from one stage to the next, as quantiles over the last minutes.

All clocks are those of the machines that set the times, so a stage that crosses machines includes
how far their clocks are apart, and may be negative.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyiceberg.table import Table as IcebergTable

from catalog.history import History, Kind, Snapshot
from serving.bars import SECOND
from serving.news import News
from serving.snapshots import offsets_added

WINDOW_SECONDS = 300
COMMITS_LOOKED_AT = 30
_MOST_TRADES = 100_000
_QUANTILES = (0.5, 0.99)
_READERS = 8
_COMMITS = pa.schema([(name, pa.int64()) for name in ("committed_us", "place", "first", "last")])


class Stage(StrEnum):
    """From where to where. `READY` is the server's part of `table → screen`, `ALL` all of ours."""

    VENUE = "venue → received"
    KAFKA = "received → Kafka"
    TABLE = "Kafka → table"
    READY = "table → dashboard"
    ALL = "received → dashboard"


@dataclass(frozen=True, slots=True)
class Delay:
    """Quantiles in seconds over `n` trades."""

    p50: float
    p99: float
    n: int


Delays = Mapping[Stage, Delay]
"""A stage that was not measured is not there."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Trades that came in one look: when each was received, and each stage's delay, in us."""

    received: NDArray[np.int64]
    newest: int
    delays: Mapping[Stage, NDArray[np.int64]]


class Meter:
    """Measures what the poller sees; `saw` is for its thread alone, the rest for any thread.

    Trades of several commits that came in one look count as committed with the last of them. Only
    the newest 100,000 are kept.
    """

    def __init__(self, now: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._now = now
        # Replaced, never changed, since other threads read it.
        self._chunks: tuple[_Chunk, ...] = ()
        self._told: tuple[tuple[_Chunk, ...], Delays] = ((), {})

    def saw(self, news: News) -> None:
        """Take in the trades that are new on the screen."""
        position, now = news.frame.position, self._now()
        chunks = list(self._chunks)
        if news.trades is not None and position is not None:
            chunks.append(_chunk(news.trades, position.committed_at, now))
        since = now - WINDOW_SECONDS * SECOND
        held = sum(len(chunk.received) for chunk in chunks)
        while chunks and (held > _MOST_TRADES or chunks[0].newest <= since):
            held -= len(chunks.pop(0).received)
        if len(chunks) != len(self._chunks) or news.trades is not None:
            self._chunks = tuple(chunks)

    def delays(self) -> Delays:
        """Of the trades received within the last minutes."""
        chunks, told = self._told
        if chunks is not self._chunks:
            chunks = self._chunks
            told = {
                stage: delay
                for stage in Stage
                if (delay := _delay([chunk.delays[stage] for chunk in chunks]))
            }
            self._told = chunks, told
        return told

    def per_second(self, seconds: int) -> float:
        """Trades received a second, within the last so many seconds."""
        since = self._now() - seconds * SECOND
        recent = (chunk.received for chunk in self._chunks if chunk.newest > since)
        return sum(int((received > since).sum()) for received in recent) / seconds


def commits_table(trades: IcebergTable, history: History, upto: Snapshot) -> pa.Table:
    """What the newest kept appends up to a snapshot brought, of the last minutes before it.

    `committed_us`, and the first and last offset in each topic partition (`place`). Only of a kept
    snapshot this is known; what came with others is not measured.
    """
    since = committed_us(upto) - WINDOW_SECONDS * SECOND
    recent = [
        snapshot
        for snapshot in history.snapshots[: history.snapshots.index(upto) + 1]
        if snapshot.kind is Kind.APPEND and committed_us(snapshot) > since
    ][-COMMITS_LOOKED_AT:]
    with ThreadPoolExecutor(_READERS) as readers:
        brought = readers.map(lambda one: offsets_added(trades, one.snapshot_id) or {}, recent)
    return pa.Table.from_pylist(
        [
            {"committed_us": committed_us(one), "place": place, "first": first, "last": last}
            for one, offsets in zip(recent, brought, strict=True)
            for place, (first, last) in offsets.items()
        ],
        _COMMITS,
    )


def committed_us(snapshot: Snapshot) -> int:
    """When it was committed, in microseconds."""
    return round(snapshot.committed_at.timestamp() * 1000) * 1000


def select_delays(since: int) -> str:
    """SQL over `trades`: the first two stages of those received after `since` (microseconds)."""
    venue = "epoch_us(received_at) - epoch_us(event_time)"
    kafka = "epoch_us(kafka_time) - epoch_us(received_at)"
    return (
        f"SELECT count(*) AS n, {_quantiles(venue)} AS venue, {_quantiles(kafka)} AS kafka"
        f" FROM trades WHERE received_at > make_timestamptz({int(since)}::BIGINT)"
    )


def select_table_delays(commits: pa.Table, since: int) -> str | None:
    """The same for the way into the table, by `commits_table`; None where there is no commit."""
    values = ", ".join(
        f"({row['place']}, {row['first']}, {row['last']}, {row['committed_us']})"
        for row in commits.to_pylist()
    )
    if not values:
        return None
    return (
        f"SELECT count(*) AS n, {_quantiles('committed_us - epoch_us(kafka_time)')} AS stored"
        f" FROM trades JOIN (VALUES {values}) AS brought(place, low, high, committed_us)"
        " ON kafka_partition = place AND kafka_offset BETWEEN low AND high"
        f" WHERE received_at > make_timestamptz({int(since)}::BIGINT)"
    )


def to_delay(quantiles: Sequence[float] | None, n: int) -> Delay | None:
    """What the SQL answered, in microseconds; None where there was no trade."""
    if not quantiles or not n:
        return None
    p50, p99 = (value / SECOND for value in quantiles)
    return Delay(p50, p99, n)


def _quantiles(expression: str) -> str:
    return f"quantile_cont({expression}, [{', '.join(map(str, _QUANTILES))}])"


def _chunk(trades: pa.Table, committed_at: int, shown_at: int) -> _Chunk:
    event, received, kafka = (
        trades[name].to_numpy().astype(np.int64) for name in ("event_us", "received_us", "kafka_us")
    )
    return _Chunk(
        received,
        int(received.max()),
        {
            Stage.VENUE: received - event,
            Stage.KAFKA: kafka - received,
            Stage.TABLE: committed_at - kafka,
            Stage.READY: np.full_like(received, shown_at - committed_at),
            Stage.ALL: shown_at - received,
        },
    )


def _delay(parts: Sequence[NDArray[np.int64]]) -> Delay | None:
    if not parts:
        return None
    values = np.concatenate(parts)
    p50, p99 = np.quantile(values, _QUANTILES)
    return Delay(float(p50) / SECOND, float(p99) / SECOND, len(values))
