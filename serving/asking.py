"""Questions to the lake as values: asked in this process, or through a pipe as JSON and Arrow."""

from dataclasses import asdict, dataclass
from typing import Self

import orjson
import pyarrow as pa

from catalog.errors import QueryError
from catalog.moments import parse_moment
from catalog.schema import TRADES
from serving.lake import Lake
from serving.snapshots import snapshots_table, with_offsets


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

    def to_json(self) -> bytes:
        """As `python -m serving` reads it."""
        return orjson.dumps(asdict(self))

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """The inverse of `to_json`. Raises QueryError."""
        try:
            fields = orjson.loads(text)
            return cls(
                fields["sql"],
                fields["as_of"],
                tuple(fields["parameters"]),
                fields.get("last"),
                bool(fields.get("offsets")),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise QueryError(
                "That is no question: it must be a JSON object with sql, as_of and parameters, such"
                ' as {"sql": "SELECT count(*) FROM trades", "as_of": null, "parameters": []}.'
            ) from error


def answer(lake: Lake, request: Request) -> pa.Table:
    """Raises QueryError, MomentError or LakeError."""
    if request.sql is None:
        return _snapshots(lake, request)
    moment = parse_moment(request.as_of) if request.as_of else None
    return lake.sql(request.sql, moment, request.parameters)


def _snapshots(lake: Lake, request: Request) -> pa.Table:
    [trades] = (one for one in lake.histories() if one.table == TRADES.name)
    listed = snapshots_table(trades, request.last)
    return with_offsets(listed, lake.load(TRADES)) if request.offsets else listed
