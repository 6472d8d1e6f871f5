"""The Market page: the chosen symbol's candles, every symbol's last price, and the tape."""

import time

import streamlit as st

from catalog.errors import SettingsError
from catalog.settings import SYMBOL_PATTERN
from serving import charts
from serving.bars import Interval
from serving.components import components
from serving.follow import dashboard_settings, live_market
from serving.frames import Frame

_FIRST_INTERVAL = Interval.M1


def show() -> None:
    """Draw the page; afterwards only its live part runs again, on a timer."""
    try:
        frame = live_market().frame
        every_seconds = dashboard_settings().refresh_seconds
    except SettingsError as error:
        st.error(str(error))
        return
    symbol, interval = _header(frame)
    st.query_params.from_dict({"symbol": symbol, "interval": str(interval)})
    st.fragment(_live, run_every=every_seconds)(symbol, interval)


def _header(frame: Frame) -> tuple[str, Interval]:
    st.session_state.setdefault("symbol", _asked_symbol() or next(iter(frame.quotes), ""))
    st.session_state.setdefault("interval", _asked_interval())
    symbols = sorted({*frame.quotes, st.session_state.symbol} - {""})
    with st.container(key="header", horizontal=True, vertical_alignment="center"):
        symbol = st.selectbox(
            "Symbol",
            symbols,
            key="symbol",
            label_visibility="collapsed",
            width=220,
            placeholder="No symbol yet",
        )
        interval = st.segmented_control(
            "Interval",
            list(Interval),
            key="interval",
            label_visibility="collapsed",
            required=True,
        )
    return symbol or "", Interval(interval or _FIRST_INTERVAL)


def _live(symbol: str, interval: Interval) -> None:
    frame = live_market().frame
    if not symbol and frame.quotes:
        st.session_state.pop("symbol", None)
        st.rerun()
    mount = components()
    now = time.time_ns() // 1000
    mount["status"](key="status", data=charts.status(frame, symbol, now))
    wide, narrow = st.columns([2.55, 1.15], gap="small")
    with wide:
        mount["chart"](key="chart", data=charts.candles(frame, symbol, interval))
    with narrow:
        chosen = mount["watch"](
            key="watch",
            data=charts.watch_list(frame, symbol, now),
            on_symbol_change=_choose,
        )
        mount["tape"](key="tape", data=charts.tape(frame, symbol))
    if chosen.symbol:
        st.rerun()


def _choose() -> None:
    st.session_state.symbol = st.session_state.watch.symbol


def _asked_symbol() -> str | None:
    asked = st.query_params.get("symbol", "")
    return asked if SYMBOL_PATTERN.fullmatch(asked) else None


def _asked_interval() -> Interval:
    asked = st.query_params.get("interval", "")
    return Interval(asked) if asked in list(Interval) else _FIRST_INTERVAL
