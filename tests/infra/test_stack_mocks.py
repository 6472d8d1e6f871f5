"""Every rule of the Pulumi program, checked on what it registers: no engine, no Pulumi command."""

import json
import re
from dataclasses import replace

import pytest

from infra.config import (
    ExternalBroker,
    ExternalCatalog,
    ExternalStore,
    Lifecycle,
    StackSettings,
    StoreKind,
)
from infra.container_rules import REPLACED_ON
from infra.credentials import ExternalSecrets, StackCredentials
from infra.service import NETWORKS
from infra.stack import structure
from tests.support.stack_mocks import (
    CONTAINER,
    HOST,
    IMAGE,
    NETWORK,
    PROVIDER,
    VOLUME,
    of,
    registered,
)

SECRET = "0123456789abcdef" * 4
TOKEN = "canary-of-the-feed-token"
SETTINGS = StackSettings(stack="test")
EXTERNAL = ExternalSecrets(
    broker_password="canary-broker",
    store_secret_key="canary-store",
    catalog_token="canary-catalog",
    catalog_reader_token="canary-catalog-reader",
)
VARIANTS = {
    "default": SETTINGS,
    "seaweedfs": replace(SETTINGS, store=StoreKind.SEAWEEDFS),
    "grown": replace(SETTINGS, brokers=3, workers=2, topic_partitions=6),
    "consoles": replace(SETTINGS, consoles=True),
    "finnhub": replace(SETTINGS, has_token=True),
    "retain": replace(SETTINGS, lifecycle=Lifecycle.RETAIN),
    "external broker": replace(SETTINGS, external_broker=ExternalBroker("kafka.test:9092", "me")),
    "external lake": replace(
        SETTINGS,
        external_store=ExternalStore("http://s3.test:9000", "me"),
        external_catalog=ExternalCatalog("http://catalog.test:8181"),
    ),
    "external spark": replace(SETTINGS, external_spark="spark://spark.test:7077"),
    "shown to others": replace(SETTINGS, consoles=True, dashboard_address="0.0.0.0"),
}


@pytest.fixture(params=VARIANTS, scope="module")
def settings(request) -> StackSettings:
    return VARIANTS[request.param]


@pytest.fixture(scope="module")
def made(settings, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("contexts")
        return registered(patch, folder, settings, secret=SECRET, token=TOKEN, external=EXTERNAL)


@pytest.fixture(scope="module")
def containers(made):
    """Those that run, by service."""
    return {name: one.inputs for name, one in of(made, CONTAINER).items() if not _carries(name)}


@pytest.fixture(scope="module")
def carriers(made):
    """Those that never run, and hold the files, by service."""
    return {
        name.removesuffix("-files"): one
        for name, one in of(made, CONTAINER).items()
        if _carries(name)
    }


def _carries(name: str) -> bool:
    return name.endswith("-files")


def test_everything_is_made_on_the_engine_of_the_config(made):
    assert {one.name: one.inputs["host"] for one in of(made, PROVIDER).values()} == {"engine": HOST}
    for kind in (CONTAINER, IMAGE, NETWORK, VOLUME):
        assert all("engine" in one.request.provider for one in of(made, kind).values())


def test_there_is_one_container_for_each_service(containers, settings):
    assert set(containers) == {service.name for service in structure(settings)}


def test_children_have_their_component_as_parent_and_every_component_tells_its_outputs(made):
    components = {one.urn: one for one in made if one.type.startswith("tapehouse:stack:")}
    assert [one.name for one in components.values() if not one.outputs] == []
    children: dict[tuple[str, str], set[str]] = {}
    for one in made:
        above = components.get(one.request.parent)
        assert above or one.type == PROVIDER or one.urn in components, one.name
        if above:
            children.setdefault((above.type, above.name), set()).add(one.name)
            wanted = {IMAGE: "Images", NETWORK: "Networks", CONTAINER: "Service", VOLUME: "Service"}
            if one.type in wanted:
                assert above.type == f"tapehouse:stack:{wanted[one.type]}"
            if one.type == CONTAINER:
                assert above.name == one.name.removesuffix("-files")
    for one in components.values():
        if "services" in one.outputs:
            assert children.get((one.type, one.name), set()) == set(one.outputs["services"])


def test_every_container_is_hardened(containers):
    for container in containers.values():
        assert container["readOnly"] is True
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["user"])
        assert container["capabilities"] == {"drops": ["ALL"]}
        assert container["securityOpts"] == ["no-new-privileges:true"]
        assert container["init"] is True
        assert not container.get("privileged")
        assert not {"devices", "mounts", "pidMode", "hosts", "sysctls"} & set(container)


def test_every_container_has_limits(containers):
    for container in containers.values():
        assert 0 < container["memory"] == container["memorySwap"]
        assert {limit["name"] for limit in container["ulimits"]} == {"nofile", "nproc"}
        assert {"max-size", "max-file"} == set(container["logOpts"])
        assert container["logDriver"] == "json-file"
        assert list(container["tmpfs"]) == ["/tmp"]
        assert re.search(r"nosuid,nodev,size=\d+m", container["tmpfs"]["/tmp"])


def test_scratch_space_is_well_below_the_memory_that_it_counts_into(containers):
    for container in containers.values():
        scratch = int(re.search(r"size=(\d+)m", container["tmpfs"]["/tmp"])[1])
        assert scratch * 2 <= container["memory"]


def test_every_container_is_waited_for_and_stopped_kindly(containers, settings):
    for container in containers.values():
        assert container["wait"] is True
        assert container["waitTimeout"] == settings.patience_seconds
        assert container["healthcheck"]["tests"][0] == "CMD"
        assert len(container["healthcheck"]["tests"]) > 1
        assert container["destroyGraceSeconds"] == container["stopTimeout"] > 0
    for keeper in {"store", "kafka", "catalog", "stream"} & set(containers):
        assert containers[keeper]["destroyGraceSeconds"] >= 30


def test_services_are_started_again_and_jobs_are_not(containers, settings):
    for service in structure(settings):
        container = containers[service.name]
        assert container["restart"] == ("no" if service.job else "unless-stopped")
        assert container["mustRun"] is not service.job
        assert ("TAPEHOUSE_JOB=1" in container.get("envs", [])) is service.job


def test_what_the_engine_writes_differently_stands_as_it_writes_it(containers):
    for container in containers.values():
        check = container["healthcheck"]
        for key in ("interval", "timeout", "startPeriod"):
            assert re.fullmatch(r"(\d+h)?([1-5]?\d+m)?[1-5]?\ds", check[key]), check[key]
        assert container["networkMode"] == "bridge"
        assert not {"platform", "rm", "attach"} & set(container)


def test_every_list_is_sorted(containers):
    for container in containers.values():
        for key in ("envs",):
            assert container.get(key, []) == sorted(container.get(key, []))
        for key, by in (
            ("labels", "label"),
            ("networksAdvanced", "name"),
            ("ports", "internal"),
            ("ulimits", "name"),
            ("volumes", "containerPath"),
        ):
            names = [one[by] for one in container.get(key, [])]
            assert names == sorted(names)


def test_images_are_named_by_their_content(containers, made):
    ids = {f"sha256:{name}" for name in of(made, IMAGE)}
    assert {container["image"] for container in containers.values()} <= ids


def test_images_of_others_are_pinned_by_digest(made, settings):
    for image in of(made, IMAGE).values():
        if "build" not in image.inputs:
            assert re.search(r"@sha256:[0-9a-f]{64}$", image.inputs["name"])
        else:
            assert image.inputs["name"].startswith(f"{settings.prefix}-")
            assert not image.inputs["build"]["context"].startswith("/")


def test_only_the_dashboard_is_published_and_all_else_on_loopback_alone(containers, settings):
    open_ports = {
        (name, port["external"]): port["ip"]
        for name, container in containers.items()
        for port in container.get("ports", [])
    }
    assert open_ports.pop(("dashboard", 8501)) == settings.dashboard_address
    assert set(open_ports.values()) <= {"127.0.0.1"}
    consoles = {9001, 8080, 8082} if settings.consoles else set()
    assert {int(port) for _, port in open_ports} == consoles


def test_a_published_port_has_a_network_that_can_reach_it(containers):
    for container in containers.values():
        networks = {one["name"].rsplit("test-", 1)[1] for one in container["networksAdvanced"]}
        if container.get("ports"):
            assert any(not NETWORKS[name] for name in networks)


def test_every_service_is_found_by_its_name_on_each_of_its_networks(containers):
    for name, container in containers.items():
        assert container["networksAdvanced"]
        assert all(one["aliases"] == [name] for one in container["networksAdvanced"])
        assert container["hostname"] == name


def test_networks_are_those_asked_for_and_closed_where_they_should_be(made, settings):
    networks = of(made, NETWORK)
    assert set(networks) == {name for one in structure(settings) for name in one.networks}
    for name, network in networks.items():
        assert network.inputs["internal"] is NETWORKS[name]


def _neighbours(containers, name):
    own = {one["name"] for one in containers[name]["networksAdvanced"]}
    return {
        other
        for other, container in containers.items()
        if own & {one["name"] for one in container["networksAdvanced"]}
    } - {name}


def test_the_dashboard_can_reach_nothing_but_the_lake_the_console_and_the_keeper(containers):
    found = _neighbours(containers, "dashboard")
    assert "console" in found
    assert found <= {"store", "catalog-proxy", "console", "stream"}


def test_the_console_can_reach_nothing_but_the_lake_and_who_asks_it(containers, settings):
    assert _neighbours(containers, "console") <= {"store", "catalog-proxy", "dashboard"}
    (network,) = (one["name"] for one in containers["console"]["networksAdvanced"])
    # A lake that is elsewhere needs a way out.
    elsewhere = settings.external_store or settings.external_catalog
    assert network == f"{settings.prefix}-query{'-out' if elsewhere else ''}"
    assert not containers["console"].get("ports")


def test_only_its_proxy_and_the_store_stand_beside_the_catalog_that_asks_nobody(containers):
    if "catalog" in containers:
        assert _neighbours(containers, "catalog") <= {"catalog-proxy", "store"}


def test_names_are_the_stacks_own_and_everything_is_labelled(made, settings):
    for kind in (CONTAINER, NETWORK, VOLUME):
        for one in of(made, kind).values():
            assert one.inputs["name"].startswith(f"{settings.prefix}-")
            found = {label["label"]: label["value"] for label in one.inputs["labels"]}
            if kind == CONTAINER and _carries(one.name):
                assert found == {"dev.tapehouse.carrier-of": settings.prefix}
                continue
            assert found["dev.tapehouse.project"] == settings.project
            assert found["dev.tapehouse.stack"] == settings.stack


def test_a_secret_stands_in_files_on_a_docker_volume_and_nowhere_else(made):
    credentials = StackCredentials.derive(SECRET, EXTERNAL)
    hidden = {SECRET, TOKEN, *credentials.secrets()} - {credentials.kafka_cluster_id}
    for one in made:
        # What is marked secret is left out below, so it must be files of a carrier and no more.
        carries = one.type == CONTAINER and _carries(one.name)
        assert one.secret == ({"uploads"} if carries else set()), one.name
        shown = json.dumps({k: v for k, v in one.inputs.items() if k not in one.secret})
        assert not [value for value in hidden if value in shown], one.name
        assert "placeholder-" not in json.dumps(one.inputs), one.name


def test_files_are_secret_and_cannot_be_written_by_the_service(carriers):
    for carrier in carriers.values():
        assert "uploads" in carrier.secret
        assert "uploads" in carrier.request.additionalSecretOutputs
        files = [upload["file"] for upload in carrier.inputs["uploads"]]
        assert files == sorted(files)
        for upload in carrier.inputs["uploads"]:
            assert upload["file"].startswith("/run/tapehouse/")
            assert upload["permissions"] == "0444"
            assert upload["content"]
            # With an owner the engine would ask the image for the name of its user.
            assert not {"owner", "group"} & set(upload)


def test_a_carrier_of_files_never_runs_and_could_do_nothing(carriers):
    for carrier in carriers.values():
        assert carrier.inputs["start"] is False
        assert carrier.inputs["mustRun"] is False
        assert carrier.inputs["networkMode"] == "none"
        assert carrier.inputs["capabilities"] == {"drops": ["ALL"]}
        assert carrier.inputs["securityOpts"] == ["no-new-privileges:true"]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", carrier.inputs["user"])
        assert 0 < carrier.inputs["memory"] == carrier.inputs["memorySwap"]
        assert carrier.inputs["logDriver"] == "none"
        assert not {"ports", "networksAdvanced", "envs", "command", "mounts"} & set(carrier.inputs)
        assert not carrier.inputs.get("privileged")
        assert carrier.request.deleteBeforeReplace is True


def test_each_service_reads_the_files_of_its_own_carrier(carriers, containers):
    assert set(carriers) == set(containers)
    for name, container in containers.items():
        (delivered,) = carriers[name].inputs["volumes"]
        assert delivered["containerPath"] == "/run/tapehouse"
        assert delivered in container["volumes"]
        assert "uploads" not in container


def test_other_files_make_a_container_anew(containers):
    for name, container in containers.items():
        found = {label["label"]: label["value"] for label in container["labels"]}
        assert found["dev.tapehouse.delivery"] == f"{name}-files-id"


def test_what_a_service_is_told_of_does_exist_in_its_files(carriers, settings):
    for service in structure(settings):
        files = {upload["file"] for upload in carriers[service.name].inputs.get("uploads", [])}
        named = re.findall(r"/run/tapehouse/[\w./-]+", " ".join(service.command))
        assert {path for path in named if "." in path} <= files


def test_the_structure_is_the_same_whatever_the_secret_is(monkeypatch, tmp_path):
    runs = [
        registered(monkeypatch, tmp_path, SETTINGS, secret=secret)
        for secret in (SECRET, SECRET[::-1])
    ]
    shapes = [
        [
            (one.type, one.name, {k: v for k, v in one.inputs.items() if k != "uploads"})
            for one in sorted(run, key=lambda one: (one.type, one.name))
        ]
        for run in runs
    ]
    assert shapes[0] == shapes[1]


def test_other_tickers_change_the_producer_alone(monkeypatch, tmp_path):
    before, after = (
        of(registered(monkeypatch, tmp_path, changed, secret=SECRET), CONTAINER)
        for changed in (SETTINGS, replace(SETTINGS, tickers=("AAPL",)))
    )
    changed = {name for name in before if before[name].inputs != after[name].inputs}
    assert changed <= {"producer", "producer-files"}
    assert changed


def test_more_patience_makes_nothing_anew(monkeypatch, tmp_path):
    before, after = (
        of(registered(monkeypatch, tmp_path, changed, secret=SECRET), CONTAINER)
        for changed in (SETTINGS, replace(SETTINGS, patience_seconds=999))
    )
    for name in before:
        one, other = before[name].inputs, after[name].inputs
        assert {key for key in one if one[key] != other[key]} <= {"waitTimeout"}


def test_nothing_of_the_host_is_mounted(containers):
    for container in containers.values():
        for volume in container["volumes"]:
            assert set(volume) == {"containerPath", "volumeName"}


def test_each_docker_volume_is_mounted_in_one_container(made, containers):
    mounted = [one["volumeName"] for each in containers.values() for one in each["volumes"]]
    assert len(mounted) == len(set(mounted))
    assert set(mounted) == {one.inputs["name"] for one in of(made, VOLUME).values()}


def test_data_outlives_a_destroy_when_asked_and_secrets_never(made, settings):
    for name, volume in of(made, VOLUME).items():
        kept = settings.lifecycle is Lifecycle.RETAIN and not name.endswith("-secrets")
        assert volume.request.retainOnDelete is kept


def test_a_failed_wait_is_not_forgiven(made, containers):
    for one in (of(made, CONTAINER)[name] for name in containers):
        assert one.request.deleteBeforeReplace is True
        assert list(one.request.replaceOnChanges) == REPLACED_ON
        assert "#initerror" in REPLACED_ON
        assert list(one.request.hooks.on_error) == ["explain-failure"]


def test_each_container_waits_for_those_it_needs(made, settings):
    urns = {one.name: one.request for one in of(made, CONTAINER).values()}
    present = {service.name for service in structure(settings)}
    for service in structure(settings):
        awaited = service.needs if service.waits_for is None else service.waits_for
        depends = {urn.rsplit("::", 1)[1] for urn in urns[service.name].dependencies}
        assert set(awaited) & present <= depends
