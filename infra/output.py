"""The one place where commands print: rows as a table, CSV or JSON; steps; errors."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from rich.console import Console
from rich.table import Table

# What commands answer goes to standard output, what they say meanwhile to standard error, so that
# an answer can be piped.
words = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def print_rows(
    names: Sequence[str], rows: Iterable[Sequence[object]], form: Format = Format.TABLE
) -> None:
    """Print rows under their names; JSON is a list with one object a row."""
    if form is Format.JSON:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif form is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_flat(value) for value in row] for row in rows)
    else:
        _print_table(names, list(rows))


def print_json(value: object) -> None:
    """Print one JSON document; times are ISO 8601 in UTC."""
    json.dump(value, sys.stdout, indent=2, default=_plain)
    sys.stdout.write("\n")


def say(text: str) -> None:
    """One line about what is going on, for people."""
    words.print(text)


def human_bytes(count: float) -> str:
    """A size with a unit: 1234567 -> 1.2 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _print_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(names):
        numeric = all(isinstance(row[place], int | float | Decimal | None) for row in rows)
        table.add_column(name, justify="right" if numeric and rows else "left", no_wrap=True)
    for row in rows:
        # Text from the feed may look like markup; escape() would show, so it is not parsed at all.
        table.add_row(*(_cell(value) for value in row))
    Console(highlight=False, markup=False, width=_width(names, rows)).print(table)


def _width(names: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    # As wide as its content: a table cut to a narrow pipe would lose figures.
    widths = [
        max([len(name), *(len(_cell(row[i])) for row in rows)]) for i, name in enumerate(names)
    ]
    return max(80, sum(widths) + 2 * len(widths))


def _cell(value: object) -> str:
    text = "-" if value is None or value == [] else str(_flat(value))
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _flat(value: object) -> object:
    """As a cell has it: a list's items beside each other."""
    return " ".join(map(str, value)) if isinstance(value, list) else _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value if isinstance(value, int | float | str | None | list | dict) else str(value)
