"""What all sessions of the process share: the live market, the lake and its past, the keeper."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import streamlit as st

from catalog.keeper_client import ask_act, ask_status
from catalog.logs import configure_logging
from catalog.settings import LakeSettings
from serving.asof import Past
from serving.console.console import Console
from serving.console.settings import ConsoleSettings
from serving.live import LiveMarket
from serving.settings import DashboardSettings, KeeperSettings
from serving.shared_lake import SharedLake

_STATUS_SECONDS = 1.0

Json = dict[str, Any]


class Keeper:
    """The streaming process, as the screen may ask it: how it is, and acts about tags."""

    def __init__(
        self, settings: KeeperSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = Lock()
        self._status: Json = {}
        self._told = float("-inf")

    def status(self) -> Json:
        """What it told within the last second. Raises ServiceError when it is silent."""
        with self._lock:
            if self._clock() - self._told > _STATUS_SECONDS:
                one = self._settings
                self._status = ask_status(one.host, one.port, one.token)
                self._told = self._clock()
            return self._status

    def act(self, path: str, body: Json) -> Json:
        """Have an act done, such as `/tag`. Raises what the act raised, ServiceError."""
        one = self._settings
        return ask_act(one.host, one.port, one.token, path, body)


@dataclass(frozen=True, slots=True)
class Shared:
    """Made once in a process."""

    settings: DashboardSettings
    limits: ConsoleSettings
    live: LiveMarket
    lake: SharedLake
    past: Past
    keeper: Keeper
    console: Console


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """Started by the first session; reads all settings once. Raises SettingsError."""
    lake_settings, keeper = LakeSettings.read(), KeeperSettings.read()
    secrets = (
        lake_settings.credential,
        lake_settings.token,
        lake_settings.store_secret_key,
        keeper.token,
    )
    configure_logging(secret.get_secret_value() for secret in secrets)
    settings, limits = DashboardSettings.read(), ConsoleSettings.read()
    live = LiveMarket(
        lake_settings, every_seconds=settings.poll_seconds, memory_limit=settings.query_memory
    )
    lake = SharedLake(lake_settings, settings.query_memory)
    return Shared(
        settings,
        limits,
        live.start(),
        lake,
        Past(lake),
        Keeper(keeper),
        open_console(lake_settings, limits),
    )


def open_console(lake: LakeSettings, limits: ConsoleSettings) -> Console:
    """Where the page's SQL runs: the one place that knows it is a process of this machine."""
    return Console(lake, limits)
