"""A table as the page's grid takes it: nothing that JavaScript would round or could not show."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

MOST_ROWS = 5000
_EXACT = 2**53
_TIME_FORMAT = "YYYY-MM-DD HH:mm:ss.SSS"


def show(table: pa.Table, key: str, alt: str, height: int = 320) -> None:
    """Draw the first rows, and say how many there are where that is not all.

    `alt` names the table for those who cannot see it.
    """
    shown = to_grid(table.slice(0, MOST_ROWS))
    st.dataframe(
        shown, key=key, alt=alt, height=height, hide_index=True, column_config=_formats(shown)
    )
    if table.num_rows > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {table.num_rows:,} rows.")


def to_grid(table: pa.Table) -> pa.Table:
    """The same rows in types that a browser can show; each column has a name of its own."""
    # A second column of the same name is allowed in SQL.
    seen: Counter[str] = Counter()
    names = []
    for name in table.column_names:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return pa.table([_plain(column) for column in table.columns], names=names)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64(), safe=False)
    if pa.types.is_integer(kind):
        return column.cast(pa.string()) if _is_large(column) else column
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    shown_as_is: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_boolean,
        pa.types.is_floating,
        pa.types.is_string,
        pa.types.is_date32,
    )
    if any(fits(kind) for fits in shown_as_is):
        return column
    return pa.array([_text(value) for value in column.to_pylist()], pa.string())


def _is_large(column: pa.ChunkedArray) -> bool:
    ends = pc.min_max(column).as_py()
    return any(abs(end) > _EXACT for end in ends.values() if end is not None)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict):
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return str(value)


def _formats(table: pa.Table) -> dict[str, Any]:
    return {
        field.name: st.column_config.DatetimeColumn(format=_TIME_FORMAT, timezone="UTC")
        for field in table.schema
        if pa.types.is_timestamp(field.type) and field.type.tz
    }
