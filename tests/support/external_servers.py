"""Kafka, an S3 store and a REST catalog that belong to no stack: processes on this machine."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra import services
from infra.credentials import Credentials
from infra.java import ensure_java
from infra.paths import JARS, executable
from infra.service import Service, Site
from infra.services import PORTS
from tests.support.instance import wait_until
from tests.support.local_lake import free_ports
from tests.support.stack import docker

_READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class External:
    """Config values that name the servers, plain and secret ones."""

    config: dict[str, str]
    secrets: dict[str, str]


def gateway() -> str | None:
    """This machine's address as containers see it; None where the engine is on another."""
    shown = docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}")
    address = shown.partition('"Gateway":"')[2].partition('"')[0]
    ours = {one.address for each in psutil.net_if_addrs().values() for one in each}
    return address if address in ours else None


@contextmanager
def external_servers(folder: Path, address: str) -> Iterator[External]:
    """Run them until the block ends; they listen on `address` alone."""
    credentials = Credentials.generate()
    site = Site(
        python="",
        java=str(ensure_java(folder / "java").executable),
        weed=str(executable("weed")),
        jars=JARS,
        data=folder,
        ports=dict(zip(PORTS, free_ports(len(PORTS)), strict=True)),
        bind=address,
    )
    key, secret = credentials.store_access_key, credentials.store_secret_key
    catalog = site.url("store.catalog")
    with ExitStack() as running:
        running.enter_context(_running(services.kafka(site, credentials.kafka_cluster_id), folder))
        running.enter_context(_running(services.store(site, key, secret), folder))
        yield External(
            {
                "externalBroker.server": site.address("kafka.client"),
                "externalStore.endpoint": site.url("store.s3"),
                "externalStore.accessKey": key,
                "externalCatalog.uri": catalog,
                "externalCatalog.oauth2Uri": f"{catalog}/v1/oauth/tokens",
            },
            {
                "externalStore.secretKey": secret,
                "externalCatalog.credential": f"{key}:{secret}",
            },
        )


@contextmanager
def _running(service: Service, folder: Path) -> Iterator[None]:
    for path in (*service.folders, *(file.path.parent for file in service.files)):
        path.mkdir(parents=True, exist_ok=True)
    for file in service.files:
        file.path.write_text(file.text)
    environment = {**os.environ, **service.environment, **service.secrets}
    with (folder / f"{service.name}.log").open("wb") as log:
        if service.preparation:
            subprocess.run(service.preparation.command, check=True, stdout=log, stderr=log)
        process = subprocess.Popen(service.command, env=environment, stdout=log, stderr=log)
    try:
        wait_until(service.health.passes, _READY_SECONDS, f"{service.name} to be ready")
        yield
    finally:
        process.terminate()
        process.wait(30)
