"""The stack's services: what the descriptions say, placed in containers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import SecretStr

from catalog.settings import BrokerSettings, FeedSettings, LakeSettings, environment_of
from infra import broker_services, lake_services, services, spark_services
from infra.config import StackSettings, StoreKind
from infra.container_site import container_site
from infra.credentials import StackCredentials
from infra.jobs import broker_users, store_users
from infra.jobs.broker_users import ADMIN, PRODUCER, STREAM
from infra.jobs.store_users import CATALOG, READER, ROOT, WRITER
from infra.lake_clients import (
    console_settings,
    reader_settings,
    store_endpoint,
    writer_settings,
)
from infra.service import Service, Site
from serving.console.settings import ConsoleServiceSettings
from serving.settings import streamlit_command
from streaming.settings import StreamingSettings

FINNHUB, SIMULATOR = "finnhub", "simulator"

# Where the images keep our packages.
_PAGE = "/opt/tapehouse/serving/server.py"


def stack_services(
    settings: StackSettings, credentials: StackCredentials, token: str
) -> tuple[Service, ...]:
    """Every service of the stack, each after those it needs.

    Pure, and the same in all but `secrets` and the text of `files`, whatever the credentials and
    the feed's token are: the structure never depends on a secret.
    """
    stack = _Stack(settings, credentials, container_site(settings))
    described = (
        *stack.store(),
        *stack.catalog(),
        *stack.broker(),
        *stack.compute(),
        *stack.feed(token),
        stack.console(),
        stack.dashboard(),
        *stack.consoles(),
    )
    return tuple(_placed(service, _opened(settings)) for service in described)


@dataclass(frozen=True, slots=True)
class _Stack:
    settings: StackSettings
    credentials: StackCredentials
    site: Site

    def store(self) -> Iterator[Service]:
        if self.settings.external_store:
            return
        keys, site = self._store_keys(), self.site
        if self.settings.store is StoreKind.MINIO:
            yield lake_services.minio(site, keys[ROOT], console=self.settings.consoles)
        else:
            yield lake_services.seaweedfs(site, keys)
        yield lake_services.ensure_store(site, self.settings.store, self._endpoint(), keys)

    def catalog(self) -> Iterator[Service]:
        settings, credentials, site = self.settings, self.credentials, self.site
        if self._has_own_catalog():
            store = settings.external_store
            yield lake_services.catalog(
                site,
                self._endpoint(),
                (store.region, store.access_key, credentials.external.store_secret_key)
                if store
                else ("us-east-1", CATALOG, credentials.store_catalog_secret_key),
                store.warehouse if store else f"s3://{services.WAREHOUSE_BUCKET}",
            )
            yield lake_services.catalog_proxy(
                site,
                credentials.catalog_writer_token,
                (credentials.catalog_reader_token, credentials.catalog_console_token),
            )
        yield lake_services.ensure_tables(site, environment_of(self._writer()))

    def broker(self) -> Iterator[Service]:
        settings, site = self.settings, self.site
        admin = environment_of(self._broker(ADMIN))
        described = services.ensure_topics(site, admin)
        if settings.external_broker:
            # Who may do what there is not ours to say.
            yield described
            return
        yield from broker_services.kafka_nodes(settings, self.credentials, site)
        yield replace(
            described,
            command=(site.python, "-m", "infra.jobs.topics"),
            needs=broker_services.nodes(settings),
        )

    def compute(self) -> Iterator[Service]:
        settings, site = self.settings, self.site
        secret = "" if settings.external_spark else self.credentials.spark_secret
        workers: tuple[Service, ...] = ()
        if not settings.external_spark:
            yield spark_services.spark_master(site, secret)
            workers = tuple(
                spark_services.spark_worker(site, secret, number)
                for number in range(1, settings.workers + 1)
            )
            yield from workers
        described = services.stream(
            site,
            environment_of(self._broker(STREAM)),
            environment_of(self._writer()),
            spark_services.job_settings(site, settings.external_spark, secret)
            | {
                "TAPEHOUSE_TRIGGER_SECONDS": f"{settings.trigger_seconds:g}",
                "TAPEHOUSE_SNAPSHOT_LADDER": settings.snapshot_ladder,
            },
            self.credentials.keeper_token,
        )
        first = ("ensure-topics", "ensure-tables", *(worker.name for worker in workers))
        needs = tuple(dict.fromkeys((*described.needs, *first)))
        yield replace(described, needs=needs, waits_for=first)

    def feed(self, token: str) -> Iterator[Service]:
        settings, site = self.settings, self.site
        source = FINNHUB
        needs: tuple[str, ...] = ()
        url, opens = "wss://ws.finnhub.io", token
        if not settings.has_token:
            source, needs = SIMULATOR, (SIMULATOR,)
            url, opens = f"ws://{site.address('simulator.feed')}", self.credentials.simulator_token
            rate = () if settings.rate is None else ("--rate", f"{settings.rate:g}")
            yield services.simulator(site, opens, rate)
        feed = FeedSettings.read(
            token=SecretStr(opens), symbols=settings.tickers, url=url, source=source
        )
        broker = environment_of(self._broker(PRODUCER))
        yield services.producer(site, broker, environment_of(feed), needs)

    def console(self) -> Service:
        lake = console_settings(self.settings, self.credentials, self.site)
        token = self.credentials.console_token
        return lake_services.console(self.site, environment_of(lake), token)

    def dashboard(self) -> Service:
        settings, site = self.settings, self.site
        inside = site.ports["dashboard.page"]
        described = services.dashboard(
            site,
            tuple(streamlit_command(inside, site.bind, _PAGE)),
            inside,
            environment_of(reader_settings(settings, self.credentials, site)),
            site.data / "dashboard",
            self.credentials.keeper_token,
            self.credentials.external.alert_webhook,
        )
        return replace(
            described,
            environment={
                **described.environment,
                "TAPEHOUSE_CONSOLE_URL": site.url("console.api"),
                "TAPEHOUSE_DASHBOARD_QUERY_MEMORY": f"{described.memory_mb * 4 // 10}MB",
            },
            secrets={
                **described.secrets,
                "TAPEHOUSE_CONSOLE_TOKEN": self.credentials.console_token,
            },
            needs=("ensure-tables", "console"),
            publishes={inside: settings.dashboard_port},
        )

    def consoles(self) -> Iterator[Service]:
        if not self.settings.consoles:
            return
        if not self.settings.external_spark:
            yield spark_services.spark_ui(self.site)
        if not self.settings.external_broker:
            password = self.credentials.kafka_console_password
            yield broker_services.kafka_ui(self.site, self._broker(broker_users.CONSOLE), password)

    def _has_own_catalog(self) -> bool:
        """Whether Iceberg's reference server is part of the stack; SeaweedFS brings its own."""
        brings_own = self.settings.store is StoreKind.SEAWEEDFS and not self.settings.external_store
        return not (self.settings.external_catalog or brings_own)

    def _store_keys(self) -> dict[str, str]:
        credentials = self.credentials
        return {
            ROOT: credentials.store_root_secret_key,
            CATALOG: credentials.store_catalog_secret_key,
            WRITER: credentials.store_writer_secret_key,
            READER: credentials.store_reader_secret_key,
            store_users.CONSOLE: credentials.store_console_secret_key,
        }

    def _endpoint(self) -> str:
        return store_endpoint(self.settings, self.site)

    def _writer(self) -> LakeSettings:
        return writer_settings(self.settings, self.credentials, self.site)

    def _broker(self, user: str) -> BrokerSettings:
        return broker_services.client_settings(self.settings, self.credentials, self.site, user)


def _opened(settings: StackSettings) -> Mapping[str, str]:
    """What stands for a network without a way out where some role on it must reach one outside."""
    names = (
        *(("data", "catalog") if settings.has_external else ()),
        *(("query",) if settings.external_store or settings.external_catalog else ()),
    )
    return {name: f"{name}-out" for name in names}


def _placed(service: Service, opened: Mapping[str, str]) -> Service:
    """With every variable where it belongs, and the networks that the stack has."""
    environment, secrets = _variables(service)
    return replace(
        service,
        networks=tuple(sorted(opened.get(name, name) for name in service.networks)),
        environment=environment,
        secrets=secrets,
    )


_SETTINGS = (
    BrokerSettings,
    ConsoleServiceSettings,
    FeedSettings,
    LakeSettings,
    StreamingSettings,
)
_IS_SECRET: Mapping[str, bool] = {
    field.alias or name: field.annotation is SecretStr
    for settings in _SETTINGS
    for name, field in settings.model_fields.items()
}


def _variables(service: Service) -> tuple[dict[str, str], dict[str, str]]:
    """Plain ones and secret ones: a variable's own kind decides, where it is known."""
    plain, secret = dict(service.environment), dict(service.secrets)
    for name in [name for name in plain if _IS_SECRET.get(name, False)]:
        secret[name] = plain.pop(name)
    for name in [name for name in secret if not _IS_SECRET.get(name, True)]:
        plain[name] = secret.pop(name)
    return plain, secret
