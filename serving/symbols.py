"""What the feed covers: each symbol's state, and the gaps in what was received of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa

from serving.bars import SECOND
from serving.frames import Frame
from serving.hours import is_closed

TRADING_SECONDS = 60
GAPS_SECONDS = 86_400

Gap = tuple[int, int]


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
    """One symbol; times in microseconds. `why` is what the producer said of it last.

    `gaps` are those of the last day before the moment: of the whole feed, and its own.
    """

    name: str
    state: State
    heard_at: int | None
    since: int | None
    why: str
    gaps: tuple[Gap, ...] = field(default=())

    @property
    def missed_seconds(self) -> float:
        """How long all its gaps are together."""
        return sum(end - start for start, end in self.gaps) / SECOND


# What the producer said last of each symbol, by kind; and the gaps of the last day.
SELECT_SAID = (
    "SELECT symbol, kind, epoch_us(max(to_time)) AS to_us,"
    " epoch_us(arg_max(from_time, kafka_offset)) AS from_us,"
    " arg_max(detail, kafka_offset) AS detail"
    " FROM feed_events WHERE symbol IS NOT NULL AND to_time > make_timestamptz(?::BIGINT)"
    " GROUP BY symbol, kind"
)
SELECT_GAPS = (
    "SELECT symbol, epoch_us(from_time) AS from_us, epoch_us(to_time) AS to_us FROM feed_events"
    " WHERE kind = 'gap' AND to_time > make_timestamptz(?::BIGINT) ORDER BY to_time"
)


def coverage(frame: Frame, said: pa.Table, gaps: pa.Table, now: int) -> list[Symbol]:
    """Every symbol that has traded or was spoken of, by name; `now` is in microseconds."""
    by_symbol: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in said.to_pylist():
        by_symbol.setdefault(row["symbol"], {})[row["kind"]] = row
    held = gaps.to_pylist()
    heard = frame.position.received_to if frame.position else {}
    names = sorted({*frame.quotes, *by_symbol})
    return [
        _symbol(
            name, heard.get(name), by_symbol.get(name, {}), _gaps_of(name, held, frame, now), now
        )
        for name in names
    ]


def totals(symbols: Iterable[Symbol]) -> dict[State, int]:
    """How many symbols are in each state, those with none left out."""
    counts = dict.fromkeys(State, 0)
    for symbol in symbols:
        counts[symbol.state] += 1
    return {state: number for state, number in counts.items() if number}


def _symbol(
    name: str,
    heard: int | None,
    said: Mapping[str, Mapping[str, Any]],
    gaps: Sequence[Gap],
    now: int,
) -> Symbol:
    # Of several words the one that was said last holds.
    last = max(said.values(), key=lambda row: row["to_us"], default=None)
    since = said["subscribed"]["to_us"] if "subscribed" in said else None
    why = str(last["detail"] or "") if last else ""
    state = _state(name, heard, last, now)
    return Symbol(name, state, heard, since, why, tuple(gaps))


def _state(name: str, heard: int | None, last: Mapping[str, Any] | None, now: int) -> State:
    if heard is not None and now - heard < TRADING_SECONDS * SECOND:
        return State.TRADING
    spoken = last if last and last["to_us"] > (heard or 0) else None
    if spoken and spoken["kind"] == "error":
        return State.REFUSED
    if is_closed([name], now):
        return State.CLOSED
    if spoken and spoken["kind"] == "silent":
        return State.SILENT
    return State.UNHEARD if heard is None else State.QUIET


def _gaps_of(name: str, gaps: Iterable[Mapping[str, Any]], frame: Frame, now: int) -> list[Gap]:
    own = [(g["from_us"], g["to_us"]) for g in gaps if g["symbol"] in {None, name}]
    if frame.is_disconnected and frame.feed:
        own.append((frame.feed.at, now))
    return own
