"""The Market page: the chosen symbol's candles, every symbol's last price, the tape, the movers."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from math import isfinite
from pathlib import Path

import streamlit as st

from serving import charts, quotes
from serving.asof import Kept
from serving.components import components
from serving.frames import Frame
from serving.hours import Span
from serving.screen import session
from serving.screen.notices import told
from serving.screen.page import Page
from serving.tape import tape
from serving.view import PageName

_CHART = "chart"
_STYLE = Path(__file__).with_suffix(".css")
_PAYLOADS_KEPT = 64
# 9999-12-31, the last day that a link can name.
_LAST_MS = 253_402_214_400_000

# What sessions see of one frame is made once for all of them.
_payloads: Kept[tuple[Hashable, ...], bytes] = Kept(_PAYLOADS_KEPT)


def show(page: Page) -> None:
    """Draw the page; afterwards only its live part runs again, on a timer."""
    st.html(_STYLE)
    st.fragment(_draw, run_every=page.every)(page)


def _draw(page: Page) -> None:
    with told(), st.container(key="market"):
        frame, symbol, now = page.frame, page.symbol, page.now
        # The range moves without a run of the whole page.
        shown = (session.stored() or page.view).range
        session.write_link()
        mount = components()
        mount["status"](key="status", data=quotes.status(frame, symbol, now))
        chart = mount["chart"](
            key=_CHART,
            data=_once(charts.candles, frame, symbol, page.view.interval, shown),
            on_range_change=_store_range,
            on_bar_change=_nothing,
        )
        watch = mount["watch"](
            key="watch",
            data=quotes.watch_list(frame, symbol, now),
            on_symbol_change=_nothing,
        )
        mount["tape"](key="tape", data=_once(tape, frame, symbol))
        movers = mount["movers"](
            key="movers", data=quotes.movers(frame, symbol), on_symbol_change=_nothing
        )
        if _is_time(chart.bar):
            page.go(page=PageName.TRAVEL, bar=round(chart.bar * 1000), range=shown)
        if chosen := watch.symbol or movers.symbol:
            page.go(symbol=str(chosen), range=shown)


def _once(make: Callable[..., bytes], frame: Frame, *arguments: Hashable) -> bytes:
    key = (make.__name__, frame.version, *arguments)
    return _payloads.get(key, lambda: make(frame, *arguments))


def _store_range() -> None:
    """What the chart shows now, before the run that draws it."""
    view = session.stored()
    if view is not None:
        session.store(replace(view, range=_to_span(st.session_state[_CHART].range)))


def _nothing() -> None:
    """A trigger needs a callback; the run itself looks at its value."""


def _to_span(told_range: object) -> Span | None:
    """What the chart told: from and to in milliseconds, or nothing while it follows."""
    if not isinstance(told_range, list) or not all(_is_time(end) for end in told_range):
        return None
    ends = [round(end * 1000) for end in told_range]
    return (ends[0], ends[1]) if len(ends) == 2 and ends[0] < ends[1] else None  # noqa: PLR2004


def _is_time(value: object) -> bool:
    """Whether it is a time in milliseconds that a link can name."""
    return isinstance(value, int | float) and isfinite(value) and 0 <= value <= _LAST_MS
