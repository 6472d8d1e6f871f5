"""The site of a stack: every service in a container of its own, reached by its name."""

from collections.abc import Mapping
from pathlib import Path

from infra.config import StackSettings, StoreKind
from infra.service import Site

# Where each container finds its own files, read-only, on a docker volume of its own.
DELIVERED = Path("/run/tapehouse")

# No two containers share an address, so ports are the same in every stack. Those of SeaweedFS are
# its inner ones, on loopback: of all it opens, two are passed on (see `SEAWEEDFS_OPEN`).
PORTS: Mapping[str, int] = {
    "kafka.client": 9092,
    "kafka.controller": 9093,
    "store.s3": 9000,
    "store.console": 9001,
    "catalog.rest": 8181,
    "catalog-proxy.rest": 8181,
    "spark-master.rpc": 7077,
    "spark-master.console": 8080,
    "spark-worker.rpc": 7078,
    "spark-worker.console": 8081,
    "stream.driver": 7079,
    "stream.blocks": 7080,
    "stream.keeper": 8790,
    "simulator.feed": 8765,
    "console.api": 8791,
    "dashboard.page": 8501,
    "kafka-ui.page": 8080,
    "spark-ui.page": 8080,
}

SEAWEEDFS_PORTS: Mapping[str, int] = {
    "store.s3": 18333,
    "store.s3.grpc": 28333,
    "store.catalog": 18181,
    "store.master": 19333,
    "store.master.grpc": 29333,
    "store.volume": 18080,
    "store.volume.grpc": 28080,
    "store.filer": 18888,
    "store.filer.grpc": 28888,
    "store.admin": 23646,
    "store.admin.grpc": 33646,
}
SEAWEEDFS_OPEN: Mapping[str, int] = {"store.s3": 9000, "store.catalog": 8181}

# Megabytes by role: 7 GiB with one worker, one broker and the largest of the jobs.
MEMORY_MB: Mapping[str, int] = {
    "store": 640,
    "catalog": 384,
    "catalog-proxy": 64,
    "kafka": 768,
    "spark-master": 384,
    "worker": 1472,
    "stream": 1280,
    "simulator": 192,
    "producer": 256,
    "console": 576,
    "dashboard": 768,
    "ensure-store": 256,
    "ensure-topics": 256,
    "ensure-tables": 384,
    "kafka-ui": 512,
    "spark-ui": 64,
}
# SeaweedFS is a catalog too.
SEAWEEDFS_MEMORY_MB = 1024


def container_site(settings: StackSettings) -> Site:
    """Where the stack's services run."""
    own = {"store": SEAWEEDFS_MEMORY_MB} if settings.store is StoreKind.SEAWEEDFS else {}
    return Site(
        python="/opt/venv/bin/python",
        java="/usr/bin/java",
        weed="weed",
        jars=Path("/opt/jars"),
        data=Path("/data"),
        ports=PORTS,
        hosts={name: name for name in ("kafka", "store", *MEMORY_MB)},
        bind="0.0.0.0",  # noqa: S104 (a container's own addresses, of which none is published)
        files=DELIVERED,
        memory={**MEMORY_MB, **own, **settings.memory},
        spark=Path("/opt/venv/lib/python3.11/site-packages/pyspark"),
    )
