"""What all sessions of the process share: the live market, the lake and its past, the keeper."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import streamlit as st

from catalog.errors import ServiceError
from catalog.keeper_client import ask_act, ask_status
from catalog.logs import configure_logging
from catalog.settings import LakeSettings
from serving.alert_watch import AlertWatch, open_alerts
from serving.asof import Past
from serving.console.access import AnyConsole, open_console
from serving.console.settings import ConsoleServiceSettings, ConsoleSettings
from serving.freshness import Meter
from serving.live import LiveMarket
from serving.settings import DashboardSettings, KeeperSettings
from serving.shared_lake import SharedLake

_STATUS_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0

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
        self._silence = ""
        self._told = float("-inf")

    def status(self) -> Json:
        """What it told within the last second. Raises ServiceError when it is silent."""
        with self._lock:
            if self._clock() - self._told > _STATUS_SECONDS:
                self._ask()
            if self._silence:
                raise ServiceError(self._silence)
            return self._status

    def _ask(self) -> None:
        """Its silence is kept as long as its word: a keeper that hangs is not asked by each."""
        one = self._settings
        try:
            self._status = ask_status(one.host, one.port, one.token, _PATIENCE_SECONDS)
            self._silence = ""
        except ServiceError as error:
            self._silence = str(error)
        self._told = self._clock()

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
    console: AnyConsole
    meter: Meter
    alerts: AlertWatch


@st.cache_resource(show_spinner=False)
def shared() -> Shared:
    """Made by whoever asks first; reads all settings once. Raises SettingsError."""
    lake_settings, keeper = LakeSettings.read(), KeeperSettings.read()
    settings, limits = DashboardSettings.read(), ConsoleSettings.read()
    service = ConsoleServiceSettings.read()
    secrets = (
        lake_settings.credential,
        lake_settings.token,
        lake_settings.store_secret_key,
        keeper.token,
        service.token,
        settings.alert_webhook,
    )
    configure_logging(secret.get_secret_value() for secret in secrets)
    meter, alerts = Meter(), open_alerts(settings)
    live = LiveMarket(
        lake_settings,
        every_seconds=settings.poll_seconds,
        memory_limit=settings.query_memory,
        observers=(meter.saw, alerts.saw),
    )
    lake = SharedLake(lake_settings, settings.query_memory)
    return Shared(
        settings,
        limits,
        live.start(),
        lake,
        Past(lake),
        Keeper(keeper),
        open_console(lake_settings, limits, service),
        meter,
        alerts,
    )
