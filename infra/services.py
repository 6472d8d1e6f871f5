"""Every service once: its command, environment, files, ports, health, memory and what it needs.

The same descriptions serve local processes and containers, each with its own site. Nothing here
starts anything.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.health import BrokerCheck, HttpCheck, PortCheck, Running
from infra.kafka_config import KAFKA_LOGGING, KafkaCluster, format_arguments, kafka_properties
from infra.probes import fresh_probe, http_probe, kafka_probe, port_probe
from infra.service import File, Preparation, Service, Site

WAREHOUSE_BUCKET = "lake"

# Where the producer of a container shows that it is connected and subscribed.
HEALTHY = Path("/tmp/healthy")  # noqa: S108 (the container's own)
HEALTHY_SECONDS = 15

# What each service listens on; the site gives each name a port.
PORTS = (
    "kafka.client",
    "kafka.controller",
    "store.s3",
    "store.s3.grpc",
    "store.catalog",
    "store.master",
    "store.master.grpc",
    "store.volume",
    "store.volume.grpc",
    "store.filer",
    "store.filer.grpc",
    "store.admin",
    "store.admin.grpc",
    "stream.keeper",
    "simulator.feed",
)


def kafka(site: Site, cluster: KafkaCluster) -> Service:
    """A broker that is its own controller (KRaft)."""
    name = cluster.nodes[cluster.node - 1] if cluster.nodes else "kafka"
    folder, files = site.data / "kafka", site.files_of("kafka")
    properties, logging = files / "server.properties", files / "log4j2.properties"
    memory_mb = site.memory.get("kafka", 640)
    java = (
        site.java,
        "-Xms128m",
        f"-Xmx{memory_mb * 6 // 10}m",
        "-XX:+UseSerialGC",
        f"-Dlog4j2.configurationFile={logging}",
        "-cp",
        f"{site.jars / 'kafka'}/*",
    )
    arguments = files / "format.args"
    return Service(
        name=name,
        command=(*java, "kafka.Kafka", str(properties)),
        health=BrokerCheck(site.address("kafka.client")),
        memory_mb=memory_mb,
        files=(
            File(properties, kafka_properties(site, folder / "data", cluster)),
            File(logging, KAFKA_LOGGING),
            File(arguments, format_arguments(cluster, properties)),
        ),
        folders=(folder,),
        ports=("kafka.client", "kafka.controller"),
        preparation=Preparation((*java, f"@{arguments}"), folder / "data" / "meta.properties"),
        grace_seconds=6,
        image="kafka",
        networks=("ingest", "data"),
        probe=kafka_probe(site.ports["kafka.client"]),
        scratch_exec=True,
        role="kafka",
    )


def store(site: Site, access_key: str, secret_key: str) -> Service:
    """SeaweedFS: the S3 store and the Iceberg REST catalog in one process."""
    folder = site.data / "store"
    memory_mb = site.memory.get("store", 768)
    ports = {
        "s3.port": "store.s3",
        "s3.port.grpc": "store.s3.grpc",
        "s3.port.iceberg": "store.catalog",
        "master.port": "store.master",
        "master.port.grpc": "store.master.grpc",
        "volume.port": "store.volume",
        "volume.port.grpc": "store.volume.grpc",
        "filer.port": "store.filer",
        "filer.port.grpc": "store.filer.grpc",
        "admin.port": "store.admin",
        "admin.port.grpc": "store.admin.grpc",
    }
    return Service(
        name="store",
        command=(
            site.weed,
            "mini",
            f"-dir={folder}",
            f"-ip={site.bind}",
            f"-ip.bind={site.bind}",
            "-admin.ui=false",
            "-webdav=false",
            "-master.telemetry=false",
            "-s3.port.lance=0",
            f"-tableBucket={WAREHOUSE_BUCKET}",
            *(f"-{option}={site.ports[name]}" for option, name in ports.items()),
        ),
        health=HttpCheck(
            f"{site.url('store.catalog')}/v1/oauth/tokens",
            form={
                "grant_type": "client_credentials",
                "client_id": access_key,
                "client_secret": secret_key,
                "scope": "catalog",
            },
        ),
        memory_mb=memory_mb,
        # Each answer of the catalog parses the table's whole metadata: collecting less often takes
        # a tenth off that, within the same bound.
        environment={"GOMEMLIMIT": f"{memory_mb - 368}MiB", "GOGC": "400"},
        secrets={"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key},
        folders=(folder,),
        ports=tuple(ports.values()),
        grace_seconds=6,
        litter=tuple(_sockets(site)),
        image="seaweedfs",
        networks=("data", "query", "view"),
        probe=port_probe(site.ports["store.catalog"]),
    )


def ensure_topics(site: Site, broker: Mapping[str, str]) -> Service:
    """The job that makes the topics."""
    return Service(
        name="ensure-topics",
        command=(site.python, "-m", "ingest", "--ensure-topics"),
        health=Running(),
        memory_mb=site.memory.get("ensure-topics", 256),
        environment=broker,
        needs=("kafka",),
        job=True,
        image="setup",
        networks=("data",),
    )


def stream(
    site: Site,
    broker: Mapping[str, str],
    lake: Mapping[str, str],
    settings: Mapping[str, str],
    keeper_token: str,
    rebuild: str | None = None,
) -> Service:
    """The Spark job; it makes the tables that are absent, keeps them and cares for them.

    It is started again with the same command, so a rebuild is asked for by a name, and made once.
    """
    folder = site.data / "stream"
    token_file = site.files_of("stream") / "secrets" / "TAPEHOUSE_KEEPER_TOKEN"
    return Service(
        name="stream",
        command=(
            *(site.python, "-m", "streaming"),
            *(("--rebuild", rebuild) if rebuild else ()),
        ),
        health=HttpCheck(
            f"{site.url('stream.keeper')}/status",
            {"Authorization": f"Bearer {keeper_token}"},
            # The keeper answers before Spark is up; a query has its id once it runs.
            wants=("query", "id"),
        ),
        memory_mb=site.memory.get("stream", 1536),
        environment={
            **broker,
            **settings,
            "TAPEHOUSE_SPARK_JARS": str(site.jars / "spark"),
            "TAPEHOUSE_CHECKPOINT_DIR": str(folder / "checkpoint"),
            "TAPEHOUSE_KEEPER_HOST": site.bind,
            "TAPEHOUSE_KEEPER_PORT": str(site.ports["stream.keeper"]),
        },
        secrets={**lake, "TAPEHOUSE_KEEPER_TOKEN": keeper_token},
        folders=(folder,),
        ports=("stream.keeper",),
        needs=("kafka", "store", "ensure-topics"),
        # A checkpoint that contradicts the table needs a person, not another try.
        for_good=(2, 10),
        grace_seconds=12,
        image="streaming",
        networks=("data", "keeper"),
        probe=http_probe(f"{site.loopback_url('stream.keeper')}/status", token_file, "query.id"),
        scratch_mb=256,
        scratch_exec=True,
    )


def simulator(site: Site, token: str, arguments: tuple[str, ...]) -> Service:
    """The stand-in for the vendor's feed; `arguments` choose what it plays."""
    return Service(
        name="simulator",
        command=(
            site.python,
            "-m",
            "ingest.simulator",
            "--host",
            site.bind,
            "--port",
            str(site.ports["simulator.feed"]),
            *arguments,
        ),
        health=PortCheck(site.address("simulator.feed")),
        memory_mb=site.memory.get("simulator", 256),
        secrets={"FINNHUB_API_TOKEN": token},
        ports=("simulator.feed",),
        for_good=(0, 2, 11),
        image="ingest",
        networks=("ingest",),
        probe=port_probe(site.ports["simulator.feed"]),
    )


def producer(
    site: Site, broker: Mapping[str, str], feed: Mapping[str, str], needs: tuple[str, ...]
) -> Service:
    """The process that reads the feed and writes the topics."""
    return Service(
        name="producer",
        command=(site.python, "-m", "ingest"),
        health=Running(),
        memory_mb=site.memory.get("producer", 384),
        environment={**broker, "TAPEHOUSE_HEALTH_FILE": str(HEALTHY)} if site.files else broker,
        secrets=feed,
        needs=("kafka", "ensure-topics", *needs),
        for_good=(0, 2, 5),
        grace_seconds=12,
        image="ingest",
        networks=("ingest",),
        probe=fresh_probe(HEALTHY, HEALTHY_SECONDS),
    )


def dashboard(
    site: Site,
    command: tuple[str, ...],
    port: int,
    lake: Mapping[str, str],
    folder: Path,
    keeper_token: str,
    alert_webhook: str,
) -> Service:
    """The page. It only ever reads: in the stack its keys can do no more, in a home they could.

    What people make there, alerts and saved views, is in `folder`.
    """
    keeper_host, _, keeper_port = site.address("stream.keeper").rpartition(":")
    return Service(
        name="dashboard",
        command=(site.python, *command),
        health=HttpCheck(f"http://{site.bind}:{port}/_stcore/health"),
        memory_mb=site.memory.get("dashboard", 768),
        environment={
            "TAPEHOUSE_DASHBOARD_DIR": str(folder),
            "TAPEHOUSE_KEEPER_HOST": keeper_host,
            "TAPEHOUSE_KEEPER_PORT": keeper_port,
        },
        secrets={
            **lake,
            "TAPEHOUSE_ALERT_WEBHOOK": alert_webhook,
            "TAPEHOUSE_KEEPER_TOKEN": keeper_token,
        },
        folders=(folder,),
        needs=("store",),
        image="serving",
        networks=("keeper", "query", "view"),
        probe=http_probe(f"http://127.0.0.1:{port}/_stcore/health"),
        scratch_mb=64,
    )


def _sockets(site: Site) -> Iterator[Path]:
    """SeaweedFS keeps a socket in /tmp beside most of its ports, and cannot be told not to."""
    for name, port in site.ports.items():
        role = name.removeprefix("store.").removesuffix(".grpc")
        suffix = "-grpc" if name.endswith(".grpc") else ""
        if name.startswith("store."):
            yield Path(f"/tmp/seaweedfs-{role}{suffix}-{port}.sock")  # noqa: S108
