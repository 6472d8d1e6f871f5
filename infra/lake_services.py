"""Store, REST catalog and console as they are in containers alone, and the lake's set-up jobs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from infra.container_site import DELIVERED, SEAWEEDFS_OPEN, SEAWEEDFS_PORTS
from infra.health import HttpCheck, Running
from infra.jobs.store_users import CATALOG, CONSOLE, READER, ROOT, WRITER
from infra.probes import http_probe
from infra.proxy_config import HEALTH_PATH, proxy_config
from infra.service import File, Service, Site
from infra.services import WAREHOUSE_BUCKET, store

_FORWARD = ("python3", "-I", "-S", "/opt/tapehouse/forward.py")


def minio(site: Site, root_secret_key: str, *, console: bool) -> Service:
    """A MinIO-compatible store."""
    folder, memory_mb = site.data / "store", site.memory["store"]
    shown = site.ports["store.console"]
    return Service(
        name="store",
        command=(
            "silo",
            "server",
            str(folder),
            f"--address=:{site.ports['store.s3']}",
            f"--console-address=:{shown}",
            # By default in a home, which it does not have.
            "--certs-dir=/tmp/certs",
        ),
        health=HttpCheck(f"{site.url('store.s3')}/minio/health/ready"),
        memory_mb=memory_mb,
        environment={
            "GOMEMLIMIT": f"{memory_mb * 3 // 4}MiB",
            "MINIO_BROWSER": "on" if console else "off",
            "MINIO_UPDATE": "off",
        },
        secrets={"MINIO_ROOT_USER": ROOT, "MINIO_ROOT_PASSWORD": root_secret_key},
        folders=(folder,),
        ports=("store.s3",),
        grace_seconds=30,
        image="store",
        networks=("catalog", "data", "query", "view"),
        probe=http_probe(f"{site.loopback_url('store.s3')}/minio/health/ready"),
        publishes={shown: 9001} if console else {},
    )


def seaweedfs(site: Site, secret_keys: Mapping[str, str]) -> Service:
    """SeaweedFS with a user for each client; only the two ports that ask who calls are passed on.

    The rest of what it opens, such as its filer, asks nobody and stays on loopback.
    """
    inner = replace(site, bind="127.0.0.1", ports=SEAWEEDFS_PORTS)
    described = store(inner, ROOT, secret_keys[ROOT])
    identities = DELIVERED / "identities.json"
    passed_on = [f"{port}={SEAWEEDFS_PORTS[name]}" for name, port in SEAWEEDFS_OPEN.items()]
    own = (
        f"-s3.config={identities}",
        # Its catalog tells clients where the store is, and what it tells overrides their own.
        f"-s3.externalUrl={site.url('store.s3')}",
    )
    return replace(
        described,
        command=(*_FORWARD, *passed_on, "--", *described.command, *own),
        files=(File(identities, _identities(secret_keys)),),
        ports=(),
        grace_seconds=30,
        litter=(),
        probe=http_probe(f"http://127.0.0.1:{SEAWEEDFS_OPEN['store.catalog']}/v1/config"),
    )


def catalog(site: Site, store: str, access: tuple[str, str, str], warehouse: str) -> Service:
    """Iceberg's reference REST catalog. It asks nobody who they are: only its proxy may reach it.

    `store` is the store's address, `access` the region, the access key and the secret key there.
    """
    region, access_key, secret_key = access
    folder = site.data / "catalog"
    memory_mb = site.memory["catalog"]
    return Service(
        name="catalog",
        command=(
            site.java,
            "-Xms64m",
            f"-Xmx{memory_mb // 2}m",
            "-XX:+UseSerialGC",
            # Else a line for every commit and every look at a table.
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            f"{site.jars / 'catalog'}/*",
            "org.apache.iceberg.rest.RESTCatalogServer",
        ),
        health=HttpCheck(f"{site.url('catalog.rest')}/v1/config"),
        memory_mb=memory_mb,
        environment={
            "AWS_REGION": region,
            "CATALOG_CATALOG__IMPL": "org.apache.iceberg.jdbc.JdbcCatalog",
            "CATALOG_IO__IMPL": "org.apache.iceberg.aws.s3.S3FileIO",
            "CATALOG_JDBC_SCHEMA__VERSION": "V1",
            "CATALOG_REST_PORT": str(site.ports["catalog.rest"]),
            "CATALOG_S3_ENDPOINT": store,
            "CATALOG_S3_PATH__STYLE__ACCESS": "true",
            "CATALOG_URI": f"jdbc:sqlite:{folder / 'catalog.db'}",
            "CATALOG_WAREHOUSE": warehouse,
            "REST_PORT": str(site.ports["catalog.rest"]),
        },
        secrets={"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key},
        folders=(folder,),
        ports=("catalog.rest",),
        needs=("ensure-store",),
        grace_seconds=10,
        image="catalog",
        networks=("catalog",),
        probe=http_probe(f"{site.loopback_url('catalog.rest')}/v1/config"),
        scratch_mb=64,
        scratch_exec=True,
    )


def catalog_proxy(site: Site, writer_token: str, reader_tokens: Sequence[str]) -> Service:
    """Nginx before the reference catalog, which asks for a token."""
    configuration = DELIVERED / "nginx.conf"
    return Service(
        name="catalog-proxy",
        command=("nginx", "-e", "stderr", "-c", str(configuration)),
        health=Running(),
        memory_mb=site.memory["catalog-proxy"],
        files=(File(configuration, proxy_config(site, writer_token, reader_tokens)),),
        ports=("catalog-proxy.rest",),
        needs=("catalog",),
        image="proxy",
        networks=("catalog", "data", "query", "view"),
        probe=http_probe(f"{site.loopback_url('catalog-proxy.rest')}{HEALTH_PATH}"),
    )


def ensure_store(site: Site, kind: str, endpoint: str, secret_keys: Mapping[str, str]) -> Service:
    """The job that makes the bucket, the users and what each may do."""
    return Service(
        name="ensure-store",
        command=(site.python, "-m", "infra.jobs.store"),
        health=Running(),
        memory_mb=site.memory["ensure-store"],
        environment={
            "TAPEHOUSE_SETUP_BUCKET": WAREHOUSE_BUCKET,
            "TAPEHOUSE_SETUP_ENDPOINT": endpoint,
            "TAPEHOUSE_SETUP_STORE": str(kind),
        },
        secrets={
            "TAPEHOUSE_SETUP_ROOT_KEY": secret_keys[ROOT],
            "TAPEHOUSE_SETUP_CATALOG_KEY": secret_keys[CATALOG],
            "TAPEHOUSE_SETUP_WRITER_KEY": secret_keys[WRITER],
            "TAPEHOUSE_SETUP_READER_KEY": secret_keys[READER],
            "TAPEHOUSE_SETUP_CONSOLE_KEY": secret_keys[CONSOLE],
        },
        needs=("store",),
        job=True,
        image="setup",
        networks=("data",),
    )


def ensure_tables(site: Site, lake: Mapping[str, str]) -> Service:
    """The job that makes the tables."""
    return Service(
        name="ensure-tables",
        command=(site.python, "-m", "infra.jobs.tables"),
        health=Running(),
        memory_mb=site.memory["ensure-tables"],
        secrets=lake,
        needs=("store", "ensure-store", "catalog-proxy"),
        job=True,
        image="setup",
        networks=("data",),
    )


def console(site: Site, lake: Mapping[str, str], token: str) -> Service:
    """What runs people's SQL, each query in a process of its own; it reaches the lake alone.

    Its memory is for two queries at once, one process that stands ready, and what asks beside it.
    """
    memory_mb = site.memory["console"]
    token_file = site.files_of("console") / "secrets" / "TAPEHOUSE_CONSOLE_TOKEN"
    return Service(
        name="console",
        command=(site.python, "-m", "serving.console"),
        health=Running(),
        memory_mb=memory_mb,
        environment={
            "TAPEHOUSE_CONSOLE_HOST": site.bind,
            "TAPEHOUSE_CONSOLE_MEMORY_MEGABYTES": str(memory_mb * 3 // 10),
            "TAPEHOUSE_CONSOLE_PORT": str(site.ports["console.api"]),
            "TAPEHOUSE_CONSOLE_QUERIES": "2",
        },
        secrets={**lake, "TAPEHOUSE_CONSOLE_TOKEN": token},
        ports=("console.api",),
        needs=("ensure-tables",),
        image="console",
        networks=("query",),
        probe=http_probe(f"{site.loopback_url('console.api')}/health", token_file, "well"),
    )


def _identities(secret_keys: Mapping[str, str]) -> str:
    """SeaweedFS's users. What the reader sees of the catalog is the set-up job's to grant."""
    everything = ["Admin", "Read", "Write", "List", "Tagging"]
    bucket = WAREHOUSE_BUCKET
    actions = {
        ROOT: everything,
        WRITER: [f"{act}:{bucket}" for act in ("Read", "Write", "List", "Tagging")],
        READER: [f"{act}:{bucket}" for act in ("Read", "List")],
        CONSOLE: [f"{act}:{bucket}" for act in ("Read", "List")],
    }
    return json.dumps(
        {
            "identities": [
                {
                    "name": name,
                    "credentials": [{"accessKey": name, "secretKey": secret_keys[name]}],
                    "actions": actions[name],
                }
                for name in sorted(actions)
            ]
        }
    )
