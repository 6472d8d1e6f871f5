"""The Market page: the chosen symbol's candles, every symbol's last price, and the tape."""

import streamlit as st

from serving import charts
from serving.components import components
from serving.screen.notices import told
from serving.screen.page import Page


def show(page: Page) -> None:
    """Draw the page; afterwards only its live part runs again, on a timer."""
    st.fragment(_draw, run_every=page.every)(page)


def _draw(page: Page) -> None:
    with told():
        frame, symbol, now = page.frame, page.symbol, page.now
        mount = components()
        mount["status"](key="status", data=charts.status(frame, symbol, now))
        wide, narrow = st.columns([2.55, 1.15], gap="small")
        with wide:
            mount["chart"](key="chart", data=charts.candles(frame, symbol, page.view.interval))
        with narrow:
            chosen = mount["watch"](
                key="watch",
                data=charts.watch_list(frame, symbol, now),
                on_symbol_change=lambda: None,
            )
            mount["tape"](key="tape", data=charts.tape(frame, symbol))
        if chosen.symbol:
            page.go(symbol=chosen.symbol)
