"""The header: which symbol, which interval."""

import streamlit as st

from serving.bars import Interval
from serving.screen.page import Page


def show(page: Page) -> None:
    """Draw it; a choice shows another view."""
    symbols = sorted({*page.frame.quotes, page.symbol} - {""})
    with st.container(key="header", horizontal=True, vertical_alignment="center"):
        symbol = st.selectbox(
            "Symbol",
            symbols,
            index=symbols.index(page.symbol) if page.symbol in symbols else None,
            label_visibility="collapsed",
            width=220,
            placeholder="No symbol yet",
        )
        interval = st.segmented_control(
            "Interval",
            list(Interval),
            default=page.view.interval,
            label_visibility="collapsed",
            required=True,
        )
    if (symbol or page.symbol, interval) != (page.symbol, page.view.interval):
        page.go(symbol=symbol or "", interval=Interval(interval or page.view.interval))
