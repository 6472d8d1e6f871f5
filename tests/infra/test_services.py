from dataclasses import replace
from pathlib import Path

import pytest

from infra import services
from infra.kafka_config import KafkaCluster
from infra.service import Site, in_starting_order
from infra.services import PORTS


@pytest.fixture
def site() -> Site:
    ports = {name: 20_000 + place for place, name in enumerate(PORTS)}
    return Site("/bin/python", "/bin/java", "/bin/weed", Path("/jars"), Path("/data"), ports)


@pytest.fixture
def everything(site):
    return (
        services.dashboard(
            site,
            ("-m", "page"),
            8501,
            {"KEY": "secret-lake"},
            Path("/data/page"),
            "secret-keeper",
            "https://secret-hook.example",
        ),
        services.producer(site, {}, {"TOKEN": "secret-feed"}, needs=("simulator",)),
        services.simulator(site, "secret-simulator", ()),
        services.stream(site, {}, {"KEY": "secret-lake"}, {}, "secret-keeper"),
        services.ensure_topics(site, {}),
        services.store(site, "secret-access", "secret-key"),
        services.kafka(site, KafkaCluster("cluster")),
    )


def test_each_service_starts_after_those_it_needs(everything):
    ordered = [service.name for service in in_starting_order(everything)]
    for service in everything:
        assert all(ordered.index(need) < ordered.index(service.name) for need in service.needs)


def test_a_need_that_is_not_part_of_the_run_is_not_waited_for(everything):
    alone = [service for service in everything if service.name == "producer"]
    assert [service.name for service in in_starting_order(tuple(alone))] == ["producer"]


def test_services_that_need_each_other_in_a_circle_are_refused(everything):
    kafka = replace(everything[-1], needs=("stream",))
    with pytest.raises(ValueError, match="circle"):
        in_starting_order((*everything[:-1], kafka))


def test_no_secret_stands_in_a_command_a_file_a_plain_variable_or_a_repr(everything):
    for service in everything:
        shown = [*service.command, *service.environment.values(), repr(service)]
        shown += [file.text for file in service.files]
        assert not [text for text in shown if "secret-" in text]


def test_everything_listens_on_the_sites_address_alone(everything, site):
    text = " ".join(part for service in everything for part in service.command)
    text += " ".join(file.text for service in everything for file in service.files)
    assert "0.0.0.0" not in text
    assert f"-ip.bind={site.bind}" in text
    assert f"listeners=CLIENT://{site.bind}:" in text


def test_every_port_belongs_to_exactly_one_service(everything):
    used = [port for service in everything for port in service.ports]
    assert sorted(used) == sorted(PORTS)


def test_the_store_leaves_no_port_to_its_defaults(everything):
    store = next(service for service in everything if service.name == "store")
    given = {part.split("=")[0] for part in store.command if ".port" in part or "port=" in part}
    roles = ("master", "volume", "filer", "s3", "admin")
    assert {f"-{role}.port" for role in roles} | {f"-{role}.port.grpc" for role in roles} <= given
    assert {"-s3.port.iceberg", "-s3.port.lance"} <= given


def test_kafka_makes_no_topic_by_itself_and_keeps_its_data_in_its_folder(everything):
    kafka = next(service for service in everything if service.name == "kafka")
    properties = kafka.files[0].text
    assert "auto.create.topics.enable=false" in properties
    assert "log.dirs=/data/kafka/data" in properties
    assert kafka.preparation
    assert kafka.preparation.creates == Path("/data/kafka/data/meta.properties")


def test_every_service_but_jobs_has_a_memory_limit_and_a_grace_that_fits_in_a_stop(everything):
    for service in everything:
        assert 0 < service.memory_mb <= 2048
        assert 0 < service.grace_seconds <= 14


def test_other_hosts_make_other_addresses_of_the_same_description(site):
    container = replace(site, hosts={"kafka": "broker-1"}, bind="0.0.0.0")
    kafka = services.kafka(container, KafkaCluster("cluster"))
    assert f"advertised.listeners=CLIENT://broker-1:{site.ports['kafka.client']}" in (
        kafka.files[0].text
    )
