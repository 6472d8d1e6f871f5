"""What care does, an act at a time: planned, so that it can be told without being done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog.schema import Table

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """One act on one table: what it would do, and how to do it.

    `do` returns what was done; None when there was nothing left to do.
    """

    table: Table
    name: str
    would: Report
    do: Callable[[], Report | None]
