"""What the user asked for, turned into the services of a local run."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from dotenv import dotenv_values

from catalog.errors import SettingsError
from catalog.settings import BrokerSettings, FeedSettings, LakeSettings, environment_of
from infra import services
from infra.connections import (
    SIMULATOR,
    broker_settings,
    lake_settings,
    simulated_feed_settings,
)
from infra.home import Home
from infra.java import Java
from infra.kafka_config import KafkaCluster
from infra.paths import JARS, executable
from infra.service import Service, Site
from ingest.programs import Contents
from ingest.recording import recording_name
from ingest.settings import IngestSettings
from serving.settings import DashboardSettings, KeeperSettings, streamlit_command
from streaming.settings import StreamingSettings

ENVIRONMENT_PREFIX = "TAPEHOUSE_"
_WEBHOOK = "TAPEHOUSE_ALERT_WEBHOOK"


class FeedKind(StrEnum):
    """Where the trades of a run come from."""

    SIMULATOR = "simulator"
    FINNHUB = "finnhub"
    RECORDING = "recording"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Plan:
    """One run; `dashboard_port` None means no page.

    `rate` is the simulator's, in trades a second; `speed` a recording's, None as fast as it goes.
    `rebuild` is a name of this run's own, under which the stream makes its checkpoint anew, once.
    """

    feed: FeedKind
    recording: Path | None = None
    rate: float | None = None
    trigger_seconds: float | None = None
    dashboard_port: int | None = 8501
    speed: float | None = 1.0
    rebuild: str | None = None

    @property
    def source(self) -> str:
        """What the trades' `source` column will say."""
        if self.recording:
            return recording_name(self.recording)
        return {FeedKind.FINNHUB: "finnhub"}.get(self.feed, SIMULATOR)


def parse_feed(text: str | None) -> tuple[FeedKind, Path | None]:
    """`--feed`: a kind, or a recording's path; None: the real feed when there is a token for it.

    Raises SettingsError for Finnhub without a token and for a file that is not there.
    """
    has_token = bool(FeedSettings.read().token.get_secret_value())
    if text is None:
        return (FeedKind.FINNHUB if has_token else FeedKind.SIMULATOR), None
    if text in {FeedKind.SIMULATOR, FeedKind.FINNHUB, FeedKind.NONE}:
        if text == FeedKind.FINNHUB and not has_token:
            raise SettingsError(
                "Finnhub needs a token: set FINNHUB_API_TOKEN in .env or in the environment (a free"
                " one will do), or use --feed simulator."
            )
        return FeedKind(text), None
    path = Path(text)
    if not path.is_file():
        raise SettingsError(
            f"--feed {text}: neither simulator, finnhub or none, nor a file that exists."
        )
    return FeedKind.RECORDING, path.absolute()


def local_site(home: Home, java: Java) -> Site:
    """Everything on loopback, from the environment we run in and the jars that setup fetched."""
    return Site(
        python=sys.executable,
        java=str(java.executable),
        weed=str(executable("weed")),
        jars=JARS,
        data=home.path,
        ports=home.ports,
    )


def local_services(home: Home, plan: Plan, java: Java) -> tuple[Service, ...]:
    """The services of the run, in the order in which they are shown.

    Raises SettingsError for tuning that a service would refuse.
    """
    for group in (StreamingSettings, IngestSettings, DashboardSettings):
        group.read()
    site, credentials = local_site(home, java), home.credentials
    broker = environment_of(broker_settings(home))
    lake = environment_of(lake_settings(home))
    chosen = [
        services.store(site, credentials.store_access_key, credentials.store_secret_key),
        services.kafka(site, KafkaCluster(credentials.kafka_cluster_id)),
        services.ensure_topics(site, broker),
        # Spark takes longer to start than Kafka and the topics together, so it need not wait for
        # them; should it ever overtake them, it is started again.
        replace(
            services.stream(
                site,
                broker,
                lake,
                _stream_settings(plan, java),
                credentials.keeper_token,
                rebuild=plan.rebuild,
            ),
            waits_for=("store",),
        ),
        *_feed_services(home, plan, site, broker),
    ]
    if plan.dashboard_port is not None:
        command = tuple(streamlit_command(plan.dashboard_port, site.bind))
        page = services.dashboard(
            site,
            command,
            plan.dashboard_port,
            lake,
            home.path / "dashboard",
            credentials.keeper_token,
            DashboardSettings.read().alert_webhook.get_secret_value(),
        )
        chosen.append(replace(page, environment=_own_variables() | dict(page.environment)))
    return tuple(chosen)


def _feed_services(
    home: Home, plan: Plan, site: Site, broker: Mapping[str, str]
) -> tuple[Service, ...]:
    tuning = _own_variables()
    if plan.feed is FeedKind.NONE:
        return ()
    if plan.feed is FeedKind.FINNHUB:
        feed = tuning | environment_of(FeedSettings.read())
        return (services.producer(site, broker, feed, needs=()),)
    symbols: dict[str, object] = {}
    arguments: tuple[str, ...] = ()
    if plan.recording:
        speed = "max" if plan.speed is None else str(plan.speed)
        arguments = ("--recording", str(plan.recording), "--speed", speed)
        symbols = {"symbols": tuple(sorted(Contents.of(plan.recording).symbols))}
    elif plan.rate is not None:
        arguments = ("--rate", str(plan.rate))
    feed = tuning | environment_of(simulated_feed_settings(home, plan.source, **symbols))
    return (
        services.simulator(site, home.credentials.simulator_token, arguments),
        services.producer(site, broker, feed, needs=("simulator",)),
    )


def _stream_settings(plan: Plan, java: Java) -> dict[str, str]:
    settings = _own_variables() | {"JAVA_HOME": str(java.home)}
    if plan.trigger_seconds is not None:
        settings["TAPEHOUSE_TRIGGER_SECONDS"] = str(plan.trigger_seconds)
    return settings


def _own_variables() -> dict[str, str]:
    """The user's own tuning; services never see `.env` itself, nor its token.

    Addresses and credentials are left out: a local run has its own servers, and gives a secret to
    the one service that it is for.
    """
    groups = (BrokerSettings, FeedSettings, KeeperSettings, LakeSettings)
    servers = {field.alias for group in groups for field in group.model_fields.values()}
    both = {**dotenv_values(".env"), **os.environ}
    return {
        name: value
        for name, value in both.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name not in {*servers, _WEBHOOK} and value
    }
