"""Tables of texts for the page's `rows` component, and numbers, times and foreign text as texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from serving.bars import SECOND
from serving.times import to_time

NOTHING = "–"

Cell = str | tuple[str, str]
"""A text, or a text and its tone: good, bad, warn or faint."""


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is text, number or bytes; `width` is the least, in pixels, and shares out the rest."""

    name: str
    width: int = 100
    kind: str = "text"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells; `key` is told when it is chosen, `acts` renames buttons for it alone."""

    key: str
    cells: Sequence[Cell]
    acts: Mapping[str, str] = field(default_factory=dict)


def table(
    label: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    empty: str,
    height: int,
    note: str = "",
    selected: str | None = None,
    acts: Sequence[str] = (),
) -> dict[str, Any]:
    """The component's payload. `empty` says why there is no row, `note` stands beside the label.

    `selected` is the chosen row's key, empty where none is, None where rows cannot be chosen.
    """
    return {
        "label": label,
        "note": note,
        "columns": [
            {"name": one.name, "width": one.width, "kind": one.kind, "title": one.title}
            for one in columns
        ],
        "rows": [{"key": r.key, "cells": list(r.cells), "acts": dict(r.acts)} for r in rows],
        "empty": empty,
        "height": height,
        "selectable": selected is not None,
        "selected": selected or "",
        "acts": list(acts),
    }


def visible(text: object) -> str:
    """Foreign text with what cannot be seen written out, such as marks that turn it around."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def clock(time: int | datetime | None) -> str:
    """A time in UTC to the second: 2026-11-20 14:30:00; microseconds, or a datetime."""
    if time is None:
        return NOTHING
    return f"{to_time(time) if isinstance(time, int) else time:%Y-%m-%d %H:%M:%S}"


def age(seconds: float) -> str:
    """How long, to two figures: `0.4 s`, `12 s`, `3.5 min`, `2.1 h`, `6 d`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{_two_figures(seconds / size)} {unit}"
    return f"{_two_figures(max(0.0, seconds))} s"


def ago(time: int, now: int) -> str:
    """How long ago; both in microseconds."""
    return f"{age((now - time) / SECOND)} ago"


def count(number: float | None) -> str:
    """A whole number with its thousands told apart."""
    return NOTHING if number is None else f"{number:,.0f}"


def size(count_of_bytes: float | None) -> str:
    """Bytes with a unit: 1234567 -> 1.2 MB."""
    if count_of_bytes is None:
        return NOTHING
    for unit in ("B", "kB", "MB", "GB"):
        if count_of_bytes < 1000:  # noqa: PLR2004
            return f"{_two_figures(count_of_bytes)} {unit}"
        count_of_bytes /= 1000
    return f"{_two_figures(count_of_bytes)} TB"


def hex_dump(raw: bytes, first: int = 0) -> list[Row]:
    """Sixteen bytes a row: offset, the bytes, the same as ASCII with a dot for what is none."""
    lines = []
    for start in range(0, len(raw), 16):
        some = raw[start : start + 16]
        shown = "".join(chr(one) if 32 <= one < 127 else "·" for one in some)  # noqa: PLR2004
        lines.append(Row(str(first + start), (f"{first + start:06x}", some.hex(" "), shown)))
    return lines


def _two_figures(number: float) -> str:
    return f"{number:.1f}" if number < 10 and not float(number).is_integer() else f"{number:,.0f}"  # noqa: PLR2004
