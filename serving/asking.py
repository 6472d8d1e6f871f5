"""Questions to the lake as values: asked in this process, or through a pipe as JSON and Arrow.

Each of them is checked when it is made (QueryError), as far as that takes no lake.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import orjson
import pyarrow as pa

from catalog.errors import QueryError
from catalog.moments import parse_moment
from catalog.schema import TRADES
from catalog.settings import LakeSettings
from serving.bars import parse_interval
from serving.console.console import Console
from serving.console.settings import ConsoleSettings
from serving.diff import Level, diff
from serving.history import history, to_arrow
from serving.lake import Lake
from serving.snapshots import snapshots_table, with_offsets
from serving.times import to_microseconds

COMMAND_LINE = "command line"
_CUT = b"tapehouse.cut"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may take; None leaves what the settings say."""

    seconds: float | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One SELECT, now or as of a moment; without SQL, the kept snapshots of the trades.

    `parameters` are what `?` stands for: texts and numbers. Of the snapshots, `last` are the newest
    so many, and `offsets` asks what each append brought, too. With limits the SQL is somebody's,
    and runs apart, behind the gate; without, it is our own.
    """

    sql: str | None = None
    as_of: str | None = None
    parameters: tuple[object, ...] = ()
    last: int | None = None
    offsets: bool = False
    limits: Limits | None = None

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
    """As `python -m serving` reads it."""
    (kind,) = (name for name, one in _KINDS.items() if isinstance(request, one))
    return orjson.dumps({"ask": kind, **asdict(request)})


def parse_request(text: bytes) -> AnyRequest:
    """The inverse of `to_json`. Raises QueryError."""
    try:
        fields = orjson.loads(text)
        request = _KINDS[fields.pop("ask")]
        if "parameters" in fields:
            fields["parameters"] = tuple(fields["parameters"])
        if fields.get("limits") is not None:
            fields["limits"] = Limits(**fields["limits"])
        return request(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise QueryError(
            f"That is no question: it must be a JSON object with ask ({', '.join(_KINDS)}) and"
            ' what that needs, such as {"ask": "sql", "sql": "SELECT count(*) FROM trades"}.'
        ) from error


def answer(lake: Lake, request: AnyRequest) -> pa.Table:
    """A question of our own. Raises QueryError, MomentError or LakeError."""
    return request.answer(lake)


def answer_apart(settings: LakeSettings, console: ConsoleSettings, request: Request) -> pa.Table:
    """Somebody's question, in a process of its own that ends with it.

    Raises QueryError, MomentError or LakeError. Ctrl-C (KeyboardInterrupt) ends the process too.
    """
    limits = request.limits or Limits()
    seconds, rows = limits.seconds or console.seconds, limits.rows or console.rows
    own = console.model_copy(update={"spares": 0, "seconds": seconds, "rows": rows})
    moment = parse_moment(request.as_of) if request.as_of else None
    with Console(settings, own) as one:
        outcome = one.ask(COMMAND_LINE, request.sql or "", moment, request.parameters)
    return outcome.table.replace_schema_metadata({_CUT: outcome.cut.encode()})


def cut_of(table: pa.Table) -> str:
    """What an answer was cut by (`rows`, `bytes`), empty when it is whole."""
    metadata: dict[bytes, bytes] = table.schema.metadata or {}
    return metadata.get(_CUT, b"").decode()
