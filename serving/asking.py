"""Questions to the lake as values: asked in this process, or through a pipe as JSON and Arrow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import orjson
import pyarrow as pa

from catalog.errors import QueryError
from catalog.moments import parse_moment
from catalog.settings import LakeSettings
from serving.console.console import Console
from serving.console.settings import ConsoleSettings
from serving.lake import Lake

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

    `parameters` are what `?` stands for: texts and numbers. With limits the SQL is somebody's, and
    runs apart, behind the gate; without, it is our own.
    """

    sql: str | None = None
    as_of: str | None = None
    parameters: tuple[object, ...] = ()
    limits: Limits | None = None

    def to_json(self) -> bytes:
        """As `python -m serving` reads it, in one line. Raises QueryError."""
        try:
            return orjson.dumps(asdict(self))
        except TypeError as error:
            raise QueryError(f"The question cannot be sent: {error}.") from error

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """The inverse of `to_json`. Raises QueryError."""
        try:
            fields = orjson.loads(text)
            limits = fields["limits"]
            return cls(
                fields["sql"],
                fields["as_of"],
                tuple(fields["parameters"]),
                None if limits is None else Limits(**limits),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise QueryError(
                "That is no question: it must be a JSON object with sql, as_of and parameters, such"
                ' as {"sql": "SELECT count(*) FROM trades", "as_of": null, "parameters": [],'
                ' "limits": null}.'
            ) from error


def answer(lake: Lake, request: Request) -> pa.Table:
    """A question of our own. Raises QueryError, MomentError or LakeError."""
    if request.sql is None:
        return _snapshots(lake)
    moment = parse_moment(request.as_of) if request.as_of else None
    return lake.sql(request.sql, moment, request.parameters)


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


def _snapshots(lake: Lake) -> pa.Table:
    kept = lake.snapshots()
    return pa.table(
        {
            "snapshot_id": pa.array([s.snapshot_id for s in kept], pa.int64()),
            "committed_at": pa.array([s.committed_at for s in kept], pa.timestamp("us", "UTC")),
            "operation": pa.array([s.operation for s in kept], pa.string()),
            "added_rows": pa.array([_count(s.summary, "added-records") for s in kept], pa.int64()),
            "total_rows": pa.array([_count(s.summary, "total-records") for s in kept], pa.int64()),
        }
    )


def _count(summary: Mapping[str, str], name: str) -> int:
    return int(summary.get(name, 0))
