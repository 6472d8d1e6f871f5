"""What the feed covers: each symbol's state, and the gaps in what was received of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from serving.bars import SECOND
from serving.frames import Frame, Gap
from serving.hours import is_closed

TRADING_SECONDS = 60
_GAPS_SECONDS = 86_400


class State(StrEnum):
    """What is known of a symbol; nothing of it is acknowledged by the vendor."""

    TRADING = "trading"
    QUIET = "no trade lately"
    CLOSED = "market closed"
    SILENT = "silent"
    REFUSED = "refused: no slot"
    UNHEARD = "asked for, no trade yet"


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol; `heard_at` is when its newest trade was received, in microseconds.

    `why` is what the producer said of it last. `gaps` are those of the feed within the last day.
    """

    name: str
    state: State
    heard_at: int | None
    why: str
    gaps: tuple[Gap, ...]

    @property
    def missed_seconds(self) -> float:
        """How long all its gaps are together."""
        return sum(end - start for start, end in self.gaps) / SECOND


# What the producer said last of each symbol, by kind.
SELECT_SAID = (
    "SELECT symbol, kind, epoch_us(max(to_time)) AS to_us,"
    " arg_max(detail, kafka_offset) AS detail"
    " FROM feed_events WHERE symbol IS NOT NULL AND to_time > make_timestamptz(?::BIGINT)"
    " GROUP BY symbol, kind"
)


def coverage(frame: Frame, said: pa.Table, now: int) -> list[Symbol]:
    """Every symbol that has traded or was spoken of, by name; `now` is in microseconds."""
    last: dict[str, Mapping[str, Any]] = {}
    for row in said.to_pylist():
        if row["to_us"] >= last.get(row["symbol"], row)["to_us"]:
            last[row["symbol"]] = row
    heard = frame.position.received_to if frame.position else {}
    gaps = tuple(_gaps(frame, now))
    return [
        Symbol(
            name,
            _state(name, heard.get(name), last.get(name), now),
            heard.get(name),
            str(last[name]["detail"] or "") if name in last else "",
            gaps,
        )
        for name in sorted({*frame.quotes, *last})
    ]


def totals(symbols: Iterable[Symbol]) -> dict[State, int]:
    """How many symbols are in each state, those with none left out."""
    counts = dict.fromkeys(State, 0)
    for symbol in symbols:
        counts[symbol.state] += 1
    return {state: number for state, number in counts.items() if number}


def _state(name: str, heard: int | None, last: Mapping[str, Any] | None, now: int) -> State:
    if heard is not None and now - heard < TRADING_SECONDS * SECOND:
        return State.TRADING
    spoken = last["kind"] if last and last["to_us"] > (heard or 0) else ""
    if spoken == "error":
        return State.REFUSED
    if is_closed([name], now):
        return State.CLOSED
    if spoken == "silent":
        return State.SILENT
    return State.UNHEARD if heard is None else State.QUIET


def _gaps(frame: Frame, now: int) -> Iterator[Gap]:
    """Of the whole feed, which are every symbol's; one that lasts ends now."""
    since = now - _GAPS_SECONDS * SECOND
    yield from (gap for gap in frame.gaps if gap[1] > since)
    if frame.is_disconnected and frame.feed:
        yield frame.feed.at, now
