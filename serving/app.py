"""The dashboard, run by `streamlit run serving/app.py`: the frame around the files in `pages`."""

from pathlib import Path

import streamlit as st

from serving.pages import market

_HERE = Path(__file__).parent

st.set_page_config(page_title="Tapehouse", page_icon=str(_HERE / "icon.png"), layout="wide")
st.html(_HERE / "app.css")
st.navigation(
    [st.Page(market.show, title="Market", url_path="market", default=True)], position="top"
).run()
