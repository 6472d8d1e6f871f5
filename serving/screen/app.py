"""The dashboard's pages, and the style around them; `serving/server.py` runs them."""

from pathlib import Path

import streamlit as st

from serving.pages import alerts, market, pipeline, sql, travel
from serving.screen import shell
from serving.view import PageName

_HERE = Path(__file__).parent

st.set_page_config(
    page_title="Tapehouse",
    page_icon=str(_HERE / "icon.png"),
    layout="wide",
    # With an entry of its own the menu is shown, and has the choice of the theme in it.
    menu_items={"About": "Live trades in an open Iceberg lake, and every past moment of it."},
)
st.html(_HERE / "app.css")
shell.run(
    {
        PageName.MARKET: market.show,
        PageName.TRAVEL: travel.show,
        PageName.SQL: sql.show,
        PageName.PIPELINE: pipeline.show,
        PageName.ALERTS: alerts.show,
    }
)
