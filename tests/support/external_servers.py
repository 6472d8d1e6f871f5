"""Kafka, an S3 store and a REST catalog that belong to no stack: processes on this machine."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

import psutil

from infra import services
from infra.credentials import Credentials
from infra.java import ensure_java
from infra.kafka_config import KafkaCluster
from infra.paths import JARS, executable
from infra.service import Site
from infra.services import PORTS
from tests.support.local_lake import free_ports
from tests.support.servers import running
from tests.support.stack import docker


@dataclass(frozen=True, slots=True)
class External:
    """Config values that name the servers, plain and secret ones."""

    config: dict[str, str]
    secrets: dict[str, str]


def gateway() -> str | None:
    """This machine's address as containers see it; None where the engine is on another."""
    shown = docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}")
    subnets = [ip_network(one["Subnet"]) for one in json.loads(shown)]
    ours = [
        one.address
        for each in psutil.net_if_addrs().values()
        for one in each
        if one.family is socket.AF_INET
    ]
    # The engine tells the gateway itself only once it was restarted.
    found = (one for one in ours if any(ip_address(one) in subnet for subnet in subnets))
    return next(found, None)


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
    cluster = KafkaCluster(credentials.kafka_cluster_id)
    with (
        running(services.kafka(site, cluster), folder),
        running(services.store(site, key, secret), folder),
    ):
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
