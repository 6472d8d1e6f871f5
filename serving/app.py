"""The dashboard, run by `streamlit run serving/app.py`: the navigation, and the style around the pages."""

from functools import partial
from pathlib import Path

import streamlit as st

from serving.pages import market
from serving.screen import shell
from serving.screen.page import Show
from serving.view import PageName

_HERE = Path(__file__).parent

PAGES: dict[PageName, Show] = {PageName.MARKET: market.show}

st.set_page_config(page_title="Tapehouse", page_icon=str(_HERE / "icon.png"), layout="wide")
st.html(_HERE / "app.css")
st.navigation(
    [
        st.Page(
            partial(shell.show, name, show),
            title=name.title,
            url_path=name,
            default=name is PageName.MARKET,
        )
        for name, show in PAGES.items()
    ],
    position="top",
).run()
