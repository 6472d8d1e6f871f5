"""Questions to the lake as values: asked in this process, or through a pipe as JSON and Arrow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import orjson
import pyarrow as pa

from catalog.errors import QueryError
from catalog.moments import parse_moment
from serving.lake import Lake


@dataclass(frozen=True, slots=True)
class Request:
    """One SELECT, now or as of a moment; without SQL, the kept snapshots of the trades.

    `parameters` are what `?` stands for: texts and numbers.
    """

    sql: str | None = None
    as_of: str | None = None
    parameters: tuple[object, ...] = ()

    def to_json(self) -> bytes:
        """As `python -m serving` reads it."""
        return orjson.dumps(asdict(self))

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """The inverse of `to_json`. Raises QueryError."""
        try:
            fields = orjson.loads(text)
            return cls(fields["sql"], fields["as_of"], tuple(fields["parameters"]))
        except (ValueError, KeyError, TypeError) as error:
            raise QueryError(
                "That is no question: it must be a JSON object with sql, as_of and parameters, such"
                ' as {"sql": "SELECT count(*) FROM trades", "as_of": null, "parameters": []}.'
            ) from error


def answer(lake: Lake, request: Request) -> pa.Table:
    """Raises QueryError, MomentError or LakeError."""
    if request.sql is None:
        return _snapshots(lake)
    moment = parse_moment(request.as_of) if request.as_of else None
    return lake.sql(request.sql, moment, request.parameters)


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
