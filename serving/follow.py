"""The one live market of this process, shared by every session of the dashboard."""

import streamlit as st

from catalog.logs import configure_logging
from catalog.settings import LakeSettings
from serving.live import LiveMarket
from serving.settings import DashboardSettings


@st.cache_resource(show_spinner=False)
def dashboard_settings() -> DashboardSettings:
    """Read once."""
    return DashboardSettings.read()


@st.cache_resource(show_spinner=False)
def live_market() -> LiveMarket:
    """Started by the first session; reads the lake's settings once. Raises SettingsError."""
    lake = LakeSettings.read()
    secrets = (lake.credential, lake.token, lake.store_secret_key)
    configure_logging(secret.get_secret_value() for secret in secrets)
    settings = dashboard_settings()
    return LiveMarket(
        lake, every_seconds=settings.poll_seconds, memory_limit=settings.query_memory
    ).start()
