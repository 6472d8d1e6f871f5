"""What a screen shows, as one value that a link reproduces.

The page is the URL's path, everything else its query. Whatever a query holds, a view comes of it:
a value that cannot be falls back to its default, and a notice says so.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from catalog.errors import TapehouseError
from catalog.moments import LIVE, Moment, parse_moment
from catalog.settings import SYMBOL_PATTERN
from catalog.tags import check_name
from serving.bars import Interval, parse_interval
from serving.times import to_microseconds, to_time

FIRST_INTERVAL = Interval.M1
RATES = (1, 2, 5, 15)
"""Seconds between two updates that a user may choose; none chosen: what the settings say."""

_LONGEST_SHOWN = 60
_LARGEST_ID = 2**63 - 1

T = TypeVar("T")


class PageName(StrEnum):
    """The pages, in the order of the navigation; the value is the URL's path."""

    MARKET = "market"
    TRAVEL = "travel"
    SQL = "sql"
    PIPELINE = "pipeline"
    ALERTS = "alerts"

    @property
    def label(self) -> str:
        """As the navigation names it."""
        return {PageName.TRAVEL: "Time travel", PageName.SQL: "SQL"}.get(self, self.capitalize())

    @property
    def path(self) -> str:
        """In the URL; the first page has none."""
        return "/" if self is PageName.MARKET else f"/{self}"


@dataclass(frozen=True, slots=True)
class View:
    """One view of one page.

    No symbol stands for the first that there is. `range` is the time that the chart shows, in
    microseconds, and None while it follows the newest bar. `bar` is the start of the bar whose
    history is told, in microseconds. `rate` is one of RATES.
    """

    page: PageName = PageName.MARKET
    symbol: str = ""
    interval: Interval = FIRST_INTERVAL
    moment: Moment = LIVE
    range: tuple[int, int] | None = None
    bar: int | None = None
    paused: bool = False
    rate: int | None = None

    def to_query(self) -> dict[str, str]:
        """The URL's query; what stands at its default is left out, but for the interval."""
        query = {
            "symbol": self.symbol,
            "interval": str(self.interval),
            "as_of": _show_moment(self.moment),
            "range": "/".join(_show_time(to_time(end)) for end in self.range or ()),
            "bar": "" if self.bar is None else _show_time(to_time(self.bar)),
            "paused": "1" if self.paused else "",
            "rate": str(self.rate) if self.rate else "",
        }
        return {name: text for name, text in query.items() if text}


def parse_view(page: PageName, query: Mapping[str, str]) -> tuple[View, tuple[str, ...]]:
    """The inverse of `to_query`, with a notice for each value that cannot be."""
    notices: list[str] = []

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        text = query.get(name, "")
        if not text:
            return default
        try:
            return parse(text)
        except (TapehouseError, ValueError, OverflowError):
            shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
            notices.append(f"The link asks for {name} {shown!r}, which cannot be; it is left out.")
            return default

    view = View(
        page,
        read("symbol", _parse_symbol, ""),
        read("interval", parse_interval, FIRST_INTERVAL),
        read("as_of", check_moment, LIVE),
        read("range", _parse_range, None),
        read("bar", to_microseconds, None),
        read("paused", _parse_flag, default=False),
        read("rate", _parse_rate, None),
    )
    return view, tuple(notices)


def check_moment(text: str) -> Moment:
    """As `parse_moment`, but a name must be one that a tag may have.

    Raises MomentError or SettingsError, ValueError for an id that Iceberg cannot have given.
    """
    moment = parse_moment(text)
    if moment.tag is not None:
        check_name(moment.tag)
    if moment.snapshot_id is not None and moment.snapshot_id > _LARGEST_ID:
        raise ValueError(text)
    return moment


def _parse_symbol(text: str) -> str:
    if not SYMBOL_PATTERN.fullmatch(text):
        raise ValueError(text)
    return text


def _parse_range(text: str) -> tuple[int, int] | None:
    start, end = (to_microseconds(part) for part in text.split("/"))
    if start >= end:
        raise ValueError(text)
    return start, end


def _parse_flag(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError(text)
    return text == "1"


def _parse_rate(text: str) -> int | None:
    rates = {str(rate): rate for rate in RATES}
    if text not in rates:
        raise ValueError(text)
    return rates[text]


def _show_moment(moment: Moment) -> str:
    if moment.is_live:
        return ""
    return str(moment) if moment.time is None else _show_time(moment.time)


def _show_time(time: datetime) -> str:
    """ISO 8601 in UTC, with no more digits than it takes; a range has two of them, and `/`."""
    return re.sub(r"\+00:00$", "Z", time.astimezone(UTC).isoformat())
