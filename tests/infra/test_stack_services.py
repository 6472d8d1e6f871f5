from collections.abc import Mapping
from dataclasses import replace

import pytest

from infra.config import (
    ExternalBroker,
    ExternalCatalog,
    ExternalStore,
    StackSettings,
    StoreKind,
)
from infra.container_site import DELIVERED
from infra.credentials import ExternalSecrets, StackCredentials
from infra.service import NETWORKS, Service, in_starting_order
from infra.stack_services import stack_services

PLAIN = StackSettings()
EXTERNAL = {
    "external_broker": ExternalBroker("kafka.example:9093", "someone", "SASL_SSL"),
    "external_store": ExternalStore("https://s3.example", "their-key"),
    "external_catalog": ExternalCatalog("https://catalog.example", "theirs"),
}
SHAPES = {
    "plain": PLAIN,
    "large": StackSettings(workers=3, brokers=3, consoles=True),
    "seaweedfs": StackSettings(store=StoreKind.SEAWEEDFS),
    "finnhub": StackSettings(has_token=True),
    "external": StackSettings(**EXTERNAL),
    "external broker": StackSettings(external_broker=EXTERNAL["external_broker"]),
    "external store": StackSettings(external_store=EXTERNAL["external_store"]),
    "external catalog": StackSettings(external_catalog=EXTERNAL["external_catalog"]),
    "local spark": StackSettings(external_spark="local[2]"),
}
MIB_OF_7_GIB = 7 * 1024


def described(settings: StackSettings, credentials: StackCredentials | None = None):
    return stack_services(settings, credentials or StackCredentials.placeholders(), "placeholder-t")


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def services(request) -> tuple[Service, ...]:
    return described(request.param)


def named(services, name: str) -> Service:
    return next(service for service in services if service.name == name)


def test_names_are_unique_and_every_service_knows_its_image_and_networks(services):
    assert len({service.name for service in services}) == len(services)
    for service in services:
        assert service.image
        assert service.networks
        assert set(service.networks) <= set(NETWORKS)


def test_each_is_given_after_all_that_it_needs(services):
    assert [s.name for s in in_starting_order(services)]
    names = [service.name for service in services]
    for service in services:
        known = [need for need in service.needs if need in names]
        assert all(names.index(need) < names.index(service.name) for need in known)


def test_who_talks_to_whom_shares_a_network_with_it(services):
    present = {service.name: service for service in services}
    for service in services:
        for need in (present[name] for name in service.needs if name in present):
            if not need.job and service.name != "producer":
                assert set(service.networks) & set(need.networks), (service.name, need.name)


def test_everything_but_jobs_has_a_probe_that_runs_inside(services):
    for service in services:
        assert bool(service.probe) != service.job


def test_no_secret_stands_where_others_can_read_it(services):
    for service in services:
        shown = [*service.command, *service.probe, *service.environment.values(), repr(service)]
        shown += [*service.environment, *service.networks, service.image]
        assert not [text for text in shown if "placeholder" in text]


def test_the_structure_is_the_same_whatever_the_secrets_are():
    for settings in SHAPES.values():
        secrets = ExternalSecrets("a", "b", "c", "d", "e", "f", "g")
        real = StackCredentials.derive("the stack's secret", secrets)
        pairs = zip(described(settings), described(settings, real), strict=True)
        for placed, known in pairs:
            assert structure(placed) == structure(known)


def structure(service: Service) -> Service:
    """All but the texts of secrets and files."""
    return replace(
        service,
        health=None,
        secrets=dict.fromkeys(service.secrets, ""),
        files=tuple(replace(file, text="") for file in service.files),
    )


def test_all_that_is_delivered_goes_to_the_one_place_for_it(services):
    for service in services:
        assert all(DELIVERED in file.path.parents for file in service.files)


def test_the_default_stack_fits_in_7_gib():
    services = described(PLAIN)
    jobs = max(service.memory_mb for service in services if service.job)
    assert sum(s.memory_mb for s in services if not s.job) + jobs <= MIB_OF_7_GIB


def test_memory_of_a_role_can_be_set_and_heaps_follow():
    services = described(StackSettings(workers=2, memory={"worker": 2832, "kafka": 1000}))
    workers = [service for service in services if service.role == "worker"]
    assert [worker.memory_mb for worker in workers] == [2832, 2832]
    assert all("2000m" in worker.command for worker in workers)
    stream = named(services, "stream")
    assert stream.environment["TAPEHOUSE_SPARK_EXECUTOR_MEMORY"] == "2000m"
    assert "-Xmx600m" in named(services, "kafka").command


def test_one_port_is_published_unless_consoles_are_asked_for():
    published = {port for s in described(PLAIN) for port in s.publishes.values()}
    assert published == {8501}
    consoles = {p for s in described(StackSettings(consoles=True)) for p in s.publishes.values()}
    assert consoles == {8501, 9001, 8080, 8082}


def test_a_published_port_is_on_a_network_that_can_be_reached(services):
    for service in services:
        if service.publishes:
            assert not all(NETWORKS[name] for name in service.networks)


def test_the_dashboard_reaches_neither_kafka_nor_sparks_cluster_nor_the_bare_catalog():
    services = described(StackSettings(brokers=3, workers=2))
    assert near(services, "dashboard") == {"store", "catalog-proxy", "console", "stream"}


def test_the_dashboard_asks_the_keeper_where_it_listens():
    services = described(PLAIN)
    page, stream = named(services, "dashboard"), named(services, "stream")
    assert page.environment["TAPEHOUSE_KEEPER_HOST"] == "stream"
    assert stream.environment["TAPEHOUSE_KEEPER_HOST"] == "0.0.0.0"
    for name in ("TAPEHOUSE_KEEPER_PORT", "TAPEHOUSE_KEEPER_TOKEN"):
        assert {**page.environment, **page.secrets}[name] == (
            {**stream.environment, **stream.secrets}[name]
        )


def test_what_people_make_on_the_page_has_a_docker_volume():
    page = named(described(PLAIN), "dashboard")
    assert page.environment["TAPEHOUSE_DASHBOARD_DIR"] == str(page.folders[0])


def test_the_webhook_reaches_the_dashboard_alone():
    credentials = StackCredentials.derive("secret", ExternalSecrets(alert_webhook="canary-hook"))
    services = described(PLAIN, credentials)
    assert [s.name for s in services if "canary-hook" in s.secrets.values()] == ["dashboard"]


def test_the_console_reaches_the_lake_and_who_asks_it_and_no_way_out():
    services = described(StackSettings(brokers=3, workers=2, consoles=True))
    assert near(services, "console") == {"store", "catalog-proxy", "dashboard"}
    assert all(NETWORKS[name] for name in named(services, "console").networks)


def test_only_the_proxy_and_the_store_share_a_network_with_the_catalog():
    assert near(described(PLAIN), "catalog") == {"catalog-proxy", "store"}


def near(services, name: str) -> set[str]:
    """Who shares a network with it."""
    own = set(named(services, name).networks)
    return {service.name for service in services if own & set(service.networks)} - {name}


def test_the_stack_has_a_way_out_to_external_services_and_else_none(services):
    names = {name for service in services for name in service.networks}
    assert not (names & {"data-out", "catalog-out"} and names & {"data", "catalog"})


@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ("plain", "query"),
        ("external broker", "query"),
        ("external store", "query-out"),
        ("external catalog", "query-out"),
    ],
)
def test_the_console_has_a_way_out_to_an_external_lake_alone(shape, network):
    assert named(described(SHAPES[shape]), "console").networks == (network,)


def test_every_client_has_credentials_of_its_own():
    services = described(PLAIN, StackCredentials.derive("secret"))
    users = {
        (service.environment["KAFKA_USERNAME"], service.secrets["KAFKA_PASSWORD"])
        for service in services
        if "KAFKA_PASSWORD" in service.secrets
    }
    assert sorted(user for user, _ in users) == ["admin", "producer", "stream"]
    assert len({password for _, password in users}) == 3


def test_the_dashboard_has_the_readers_key_and_token_and_those_of_whom_it_asks():
    credentials = StackCredentials.derive("secret")
    page = named(described(PLAIN, credentials), "dashboard")
    assert page.environment["TAPEHOUSE_STORE_ACCESS_KEY"] == "tapehouse-reader"
    assert page.environment["TAPEHOUSE_CONSOLE_URL"] == "http://console:8791"
    given = {value for value in page.secrets.values() if value}
    assert given == {
        credentials.store_reader_secret_key,
        credentials.catalog_reader_token,
        credentials.keeper_token,
        credentials.console_token,
    }


def test_the_console_reads_with_a_key_and_a_token_of_its_own():
    credentials = StackCredentials.derive("secret")
    console = named(described(PLAIN, credentials), "console")
    assert console.environment["TAPEHOUSE_STORE_ACCESS_KEY"] == "tapehouse-console"
    given = {value for value in console.secrets.values() if value}
    assert given == {
        credentials.store_console_secret_key,
        credentials.catalog_console_token,
        credentials.console_token,
    }
    proxy = named(described(PLAIN, credentials), "catalog-proxy").files[0].text
    assert f'"Bearer {credentials.catalog_console_token}" "reader";' in proxy


def test_an_external_lake_has_one_reader_for_dashboard_and_console():
    services = described(SHAPES["external"])
    page, console = (named(services, name) for name in ("dashboard", "console"))
    lake = {
        name
        for name in page.secrets
        if name in console.secrets and name != "TAPEHOUSE_CONSOLE_TOKEN"
    }
    assert lake
    assert all(page.secrets[name] == console.secrets[name] for name in lake)


def test_more_memory_for_the_console_is_more_for_each_query():
    console = named(described(StackSettings(memory={"console": 1000})), "console")
    assert console.memory_mb == 1000
    assert console.environment["TAPEHOUSE_CONSOLE_MEMORY_MEGABYTES"] == "300"


def test_seaweedfs_is_its_own_catalog_and_opens_two_ports_only():
    services = described(SHAPES["seaweedfs"])
    assert not {"catalog", "catalog-proxy"} & {service.name for service in services}
    store = named(services, "store")
    split = store.command.index("--")
    assert [part for part in store.command[:split] if "=" in part] == ["9000=18333", "8181=18181"]
    assert "-ip.bind=127.0.0.1" in store.command
    oauth2 = named(services, "stream").environment["TAPEHOUSE_CATALOG_OAUTH2_URI"]
    assert oauth2 == "http://store:8181/v1/oauth/tokens"


def test_three_brokers_know_each_other_and_keep_three_copies():
    services = described(SHAPES["large"])
    for number, name in enumerate(("kafka", "kafka-2", "kafka-3"), start=1):
        properties = named(services, name).files[0].text
        assert f"node.id={number}\n" in properties
        assert "voters=1@kafka:9093,2@kafka-2:9093,3@kafka-3:9093\n" in properties
        assert f"advertised.listeners=CLIENT://{name}:9092," in properties
        assert "default.replication.factor=3\n" in properties
        assert "min.insync.replicas=2\n" in properties
    assert named(services, "producer").environment["KAFKA_SERVER"] == (
        "kafka:9092,kafka-2:9092,kafka-3:9092"
    )


def test_external_services_take_the_place_of_ours():
    secrets = ExternalSecrets("kafka-word", "store-word", "", "token-word")
    services = described(SHAPES["external"], StackCredentials.derive("secret", secrets))
    names = {service.name for service in services}
    assert not names & {"kafka", "store", "ensure-store", "catalog", "catalog-proxy"}
    stream = named(services, "stream")
    assert stream.environment["KAFKA_SERVER"] == "kafka.example:9093"
    assert stream.secrets["KAFKA_PASSWORD"] == "kafka-word"
    assert stream.environment["TAPEHOUSE_CATALOG_URI"] == "https://catalog.example"
    assert stream.secrets["TAPEHOUSE_CATALOG_TOKEN"] == "token-word"
    assert stream.secrets["TAPEHOUSE_STORE_SECRET_KEY"] == "store-word"


def test_without_a_token_the_simulator_plays_and_with_one_it_is_not_there():
    assert "simulator" in {service.name for service in described(PLAIN)}
    services = described(SHAPES["finnhub"])
    assert "simulator" not in {service.name for service in services}
    producer = named(services, "producer")
    assert producer.environment["TAPEHOUSE_FEED_SOURCE"] == "finnhub"
    assert producer.secrets["FINNHUB_API_TOKEN"] == "placeholder-t"


def test_changed_tickers_change_the_producer_alone():
    before, after = described(PLAIN), described(StackSettings(tickers=("AAPL",)))
    changed = [one.name for one, other in zip(before, after, strict=True) if one != other]
    assert changed == ["producer"]


def test_the_users_own_environment_changes_nothing(monkeypatch):
    before = described(PLAIN)
    stray: Mapping[str, str] = {
        "KAFKA_TOPIC": "other",
        "KAFKA_SERVER": "elsewhere:1",
        "TAPEHOUSE_CATALOG_TOKEN": "stray",
        "TAPEHOUSE_STORE_REGION": "moon",
        "FINNHUB_TICKERS": "X",
    }
    for name, value in stray.items():
        monkeypatch.setenv(name, value)
    assert described(PLAIN) == before
