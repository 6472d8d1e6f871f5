"""A chart of an answer, as Plotly's own description of one; a pure function of the table."""

from collections.abc import Sequence
from enum import StrEnum
from html import escape
from typing import Any

import pyarrow as pa

MOST_POINTS = 5000


class Shape(StrEnum):
    """How points are drawn."""

    LINE = "line"
    BARS = "bars"
    POINTS = "points"


def numeric(table: pa.Table) -> list[str]:
    """The columns that may be drawn upwards."""
    return [
        field.name
        for field in table.schema
        if pa.types.is_integer(field.type)
        or pa.types.is_floating(field.type)
        or pa.types.is_decimal(field.type)
    ]


def guess(table: pa.Table) -> tuple[str, str, Shape] | None:
    """What to draw at first: the first time (else text, else number) against the first number.

    None where there is no number.
    """
    numbers = numeric(table)
    if not numbers:
        return None
    times = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    across = (times or texts or numbers)[0]
    upward = next((name for name in numbers if name != across), numbers[0])
    return across, upward, Shape.LINE if times else Shape.BARS if texts else Shape.POINTS


def quick_chart(table: pa.Table, across: str, upward: str, shape: Shape) -> dict[str, Any]:
    """At most MOST_POINTS of the first rows; columns of one name stand for the first of them."""
    shown = table.slice(0, MOST_POINTS)
    trace: dict[str, Any] = {
        "type": "bar" if shape is Shape.BARS else "scatter",
        "x": _texts(_column(shown, across)),
        "y": _column(shown, upward).cast(pa.float64(), safe=False).to_pylist(),
    }
    if shape is not Shape.BARS:
        trace["mode"] = "lines" if shape is Shape.LINE else "markers"
    return {
        "data": [trace],
        "layout": {
            "height": 340,
            "margin": {"l": 60, "r": 20, "t": 10, "b": 50},
            "xaxis": {"title": {"text": _as_text(across)}},
            "yaxis": {"title": {"text": _as_text(upward)}},
            "showlegend": False,
        },
    }


def describe(table: pa.Table, across: str, upward: str) -> str:
    """The chart in words, for those who cannot see it."""
    values = [value for value in _column(table, upward).to_pylist() if value is not None]
    if not values:
        return f"{upward} by {across}: no value."
    return (
        f"{upward} by {across}: {min(len(values), MOST_POINTS)} values between {min(values)} and"
        f" {max(values)}."
    )


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    return table.column(table.column_names.index(name))


def _texts(column: pa.ChunkedArray) -> Sequence[object]:
    if pa.types.is_temporal(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    return [_as_text(value) if isinstance(value, str) else value for value in column.to_pylist()]


def _as_text(text: str) -> str:
    """Plotly takes a text for a kind of HTML; escaped, it shows as it is."""
    return escape(text, quote=False)
