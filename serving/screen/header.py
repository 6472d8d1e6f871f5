"""The header: pages, symbol search, interval, moment, pause, keys; the banner of a past moment."""

import math
from dataclasses import replace
from typing import Any

import streamlit as st

from catalog.errors import TapehouseError
from catalog.moments import Moment
from serving.bars import Interval
from serving.components import components
from serving.screen import session
from serving.screen.page import Page
from serving.screen.shared import Shared, shared
from serving.view import RATES, PageName, View, parse_view

_KEY = "header"
_WITH_SYMBOL = (PageName.MARKET, PageName.TRAVEL)


def show(view: View, ours: Shared, page: Page | None) -> PageName | None:
    """Draw it; returns another page when one was just chosen. No page: its moment cannot be had."""
    frame = page.frame if page else ours.live.frame
    default = ours.settings.refresh_seconds
    data = {
        "pages": [{"name": name, "title": name.label, "path": name.path} for name in PageName],
        "page": view.page,
        "needs_symbol": view.page in _WITH_SYMBOL,
        "symbol": view.symbol or next(iter(frame.quotes), ""),
        "symbols": list(frame.quotes),
        "interval": view.interval,
        "intervals": list(Interval),
        "paused": view.paused,
        "rate": "" if view.rate in {None, default} else str(view.rate),
        "rates": [
            ("" if rate == default else str(rate), f"{rate:g} s")
            for rate in sorted({*RATES, default})
        ],
        "past": None if view.moment.is_live else _past(view.moment, page, ours),
    }
    with st.container(key="frame"):
        done = components()["header"](key=_KEY, data=data, on_act_change=_act)
    chosen = (done.act or {}).get("page")
    return PageName(chosen) if chosen in set(PageName) - {view.page} else None


def _past(asked: Moment, page: Page | None, ours: Shared) -> dict[str, object]:
    if page is None or page.moment is None:
        return {"asked": str(asked), "at": None}
    trades = ours.lake.histories(math.inf)[0]
    snapshot_id = page.moment.snapshot_ids[trades.table]
    return {
        "asked": str(asked),
        "at": page.now // 1000,
        # As text: JavaScript's numbers are too small for it.
        "snapshot_id": str(snapshot_id),
        "tags": ", ".join(trades.tags_of(snapshot_id)),
    }


def _act() -> None:
    """What a user wants, before the run that shows it: a change of the query, or a step."""
    view, act = session.stored(), st.session_state[_KEY].act
    if view is None or not isinstance(act, dict):
        return
    try:
        session.choose(_changed(view, act))
    except TapehouseError as error:
        session.notify(str(error))


def _changed(view: View, act: dict[str, Any]) -> View:
    if act.get("step") in {-1, 1}:
        moment = shared().lake.step(view.moment, act["step"])
        return replace(view, moment=moment, paused=False)
    query = act.get("query")
    if not isinstance(query, dict):
        return view
    asked = {str(name): str(value) for name, value in query.items()}
    changed, unusable = parse_view(view.page, view.to_query() | asked)
    for text in unusable:
        session.notify(text)
    return changed
