"""Our own questions to the lake as values: asked here, or through a pipe as JSON and Arrow.

Each of them is checked when it is made (QueryError), as far as that takes no lake. Somebody's SQL
is the console's (`serving.console.wire.Asked`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import orjson
import pyarrow as pa

from catalog.errors import QueryError
from catalog.schema import TRADES
from serving.bars import parse_interval
from serving.diff import Level, diff
from serving.history import history, to_arrow
from serving.lake import Lake
from serving.snapshots import snapshots_table, with_offsets
from serving.times import to_microseconds


@dataclass(frozen=True, slots=True)
class Request:
    """One SELECT, now or as of a moment; without SQL, the kept snapshots of the trades.

    `parameters` are what `?` stands for: texts and numbers. Of the snapshots, `last` are the newest
    so many, and `offsets` asks what each append brought, too.
    """

    sql: str | None = None
    as_of: str | None = None
    parameters: tuple[object, ...] = ()
    last: int | None = None
    offsets: bool = False

    def answer(self, lake: Lake) -> pa.Table:
        if self.sql is None:
            [trades] = (one for one in lake.histories() if one.table == TRADES.name)
            listed = snapshots_table(trades, self.last)
            return with_offsets(listed, lake.load(TRADES)) if self.offsets else listed
        return lake.sql(self.sql, self.as_of, self.parameters)


@dataclass(frozen=True, slots=True)
class BarsRequest:
    """A symbol's bars with `start <= bar_start < end`, now or as of a moment."""

    symbol: str
    interval: str = "1m"
    as_of: str | None = None
    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        parse_interval(self.interval)
        for time in (self.start, self.end):
            if time is not None:
                to_microseconds(time)

    def answer(self, lake: Lake) -> pa.Table:
        at = lake.at(self.as_of or "live")
        return at.bars(self.symbol, self.interval, self.start, self.end)


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """What happened to the trades from moment `a` to moment `b`."""

    a: str
    b: str
    level: str = Level.COUNTS
    interval: str = "1m"
    symbol: str | None = None

    def __post_init__(self) -> None:
        parse_interval(self.interval)
        if self.level not in set(Level):
            raise QueryError(f"{self.level!r} is no level. There are {', '.join(Level)}.")

    def answer(self, lake: Lake) -> pa.Table:
        difference = diff(lake, self.a, self.b)
        if self.level == Level.BARS:
            return difference.bars(self.interval, self.symbol)
        if self.level == Level.TRADES:
            return difference.trades(self.symbol)
        return difference.counts(self.symbol)


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """How one bar came to be."""

    symbol: str
    bar_start: str
    interval: str = "1m"

    def __post_init__(self) -> None:
        parse_interval(self.interval)
        to_microseconds(self.bar_start)

    def answer(self, lake: Lake) -> pa.Table:
        return to_arrow(history(lake, self.symbol, self.bar_start, self.interval))


AnyRequest = Request | BarsRequest | DiffRequest | HistoryRequest

_KINDS: Mapping[str, type[AnyRequest]] = {
    "sql": Request,
    "bars": BarsRequest,
    "diff": DiffRequest,
    "history": HistoryRequest,
}


def to_json(request: AnyRequest) -> bytes:
    """As `python -m serving` reads it, in one line. Raises QueryError."""
    (kind,) = (name for name, one in _KINDS.items() if isinstance(request, one))
    try:
        return orjson.dumps({"ask": kind, **asdict(request)})
    except TypeError as error:
        raise QueryError(f"The question cannot be sent: {error}.") from error


def parse_request(text: bytes) -> AnyRequest:
    """The inverse of `to_json`. Raises QueryError."""
    try:
        fields = orjson.loads(text)
        request = _KINDS[fields.pop("ask")]
        if "parameters" in fields:
            fields["parameters"] = tuple(fields["parameters"])
        return request(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise QueryError(
            f"That is no question: it must be a JSON object with ask ({', '.join(_KINDS)}) and"
            ' what that needs, such as {"ask": "sql", "sql": "SELECT count(*) FROM trades"}.'
        ) from error


def answer(lake: Lake, request: AnyRequest) -> pa.Table:
    """What the lake answers. Raises QueryError, MomentError or LakeError."""
    return request.answer(lake)
