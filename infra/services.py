"""Every service once: its command, environment, files, ports, health, memory and what it needs.

The same descriptions serve local processes and containers, each with its own site. Nothing here
starts anything.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.health import BrokerCheck, HttpCheck, PortCheck, Running
from infra.service import File, Preparation, Service, Site

WAREHOUSE_BUCKET = "lake"

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


def kafka(site: Site, cluster_id: str) -> Service:
    """A broker that is its own controller (KRaft)."""
    folder = site.data / "kafka"
    properties, logging = folder / "server.properties", folder / "log4j2.properties"
    java = (
        site.java,
        "-Xms128m",
        "-Xmx384m",
        "-XX:+UseSerialGC",
        f"-Dlog4j2.configurationFile={logging}",
        "-cp",
        f"{site.jars / 'kafka'}/*",
    )
    formatting = ("format", "-t", cluster_id, "-c", str(properties), "--ignore-formatted")
    return Service(
        name="kafka",
        command=(*java, "kafka.Kafka", str(properties)),
        health=BrokerCheck(site.address("kafka.client")),
        memory_mb=640,
        files=(
            File(properties, _kafka_properties(site, folder / "data")),
            File(logging, _KAFKA_LOGGING),
        ),
        folders=(folder,),
        ports=("kafka.client", "kafka.controller"),
        preparation=Preparation(
            (*java, "kafka.tools.StorageTool", *formatting), folder / "data" / "meta.properties"
        ),
        grace_seconds=6,
    )


def store(site: Site, access_key: str, secret_key: str) -> Service:
    """SeaweedFS: the S3 store and the Iceberg REST catalog in one process."""
    folder = site.data / "store"
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
        memory_mb=768,
        environment={"GOMEMLIMIT": "400MiB"},
        secrets={"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key},
        folders=(folder,),
        ports=tuple(ports.values()),
        grace_seconds=6,
        litter=tuple(_sockets(site)),
    )


def ensure_topics(site: Site, broker: Mapping[str, str]) -> Service:
    """The job that makes the topics."""
    return Service(
        name="ensure-topics",
        command=(site.python, "-m", "ingest", "--ensure-topics"),
        health=Running(),
        memory_mb=256,
        environment=broker,
        needs=("kafka",),
        job=True,
    )


def stream(
    site: Site,
    broker: Mapping[str, str],
    lake: Mapping[str, str],
    settings: Mapping[str, str],
    keeper_token: str,
) -> Service:
    """The Spark job; it makes the tables that are absent, keeps them and cares for them."""
    folder = site.data / "stream"
    return Service(
        name="stream",
        command=(site.python, "-m", "streaming"),
        health=HttpCheck(
            f"{site.url('stream.keeper')}/status",
            {"Authorization": f"Bearer {keeper_token}"},
            # The keeper answers before Spark is up; a query has its id once it runs.
            wants=("query", "id"),
        ),
        memory_mb=1536,
        environment={
            **broker,
            **settings,
            "TAPEHOUSE_SPARK_JARS": str(site.jars / "spark"),
            "TAPEHOUSE_CHECKPOINT_DIR": str(folder / "checkpoint"),
            "TAPEHOUSE_KEEPER_PORT": str(site.ports["stream.keeper"]),
        },
        secrets={**lake, "TAPEHOUSE_KEEPER_TOKEN": keeper_token},
        folders=(folder,),
        ports=("stream.keeper",),
        needs=("kafka", "store", "ensure-topics"),
        # A checkpoint that contradicts the table needs a person, not another try.
        for_good=(2, 10),
        grace_seconds=12,
    )


def simulator(site: Site, token: str, arguments: tuple[str, ...]) -> Service:
    """The stand-in for the vendor's feed; `arguments` choose what it plays."""
    return Service(
        name="simulator",
        command=(
            site.python,
            "-m",
            "ingest.simulator",
            "--port",
            str(site.ports["simulator.feed"]),
            *arguments,
        ),
        health=PortCheck(site.address("simulator.feed")),
        memory_mb=256,
        secrets={"FINNHUB_API_TOKEN": token},
        ports=("simulator.feed",),
        for_good=(0, 2, 11),
    )


def producer(
    site: Site, broker: Mapping[str, str], feed: Mapping[str, str], needs: tuple[str, ...]
) -> Service:
    """The process that reads the feed and writes the topics."""
    return Service(
        name="producer",
        command=(site.python, "-m", "ingest"),
        health=Running(),
        memory_mb=384,
        environment=broker,
        secrets=feed,
        needs=("kafka", "ensure-topics", *needs),
        for_good=(0, 2, 5),
        grace_seconds=12,
    )


def dashboard(
    site: Site, command: tuple[str, ...], port: int, lake: Mapping[str, str], folder: Path
) -> Service:
    """The page; its keys only ever read."""
    return Service(
        name="dashboard",
        command=(site.python, *command),
        health=HttpCheck(f"http://{site.bind}:{port}/_stcore/health"),
        memory_mb=768,
        secrets=lake,
        folders=(folder,),
        needs=("store",),
    )


def _sockets(site: Site) -> Iterator[Path]:
    """SeaweedFS keeps a socket in /tmp beside most of its ports, and cannot be told not to."""
    for name, port in site.ports.items():
        role = name.removeprefix("store.").removesuffix(".grpc")
        suffix = "-grpc" if name.endswith(".grpc") else ""
        if name.startswith("store."):
            yield Path(f"/tmp/seaweedfs-{role}{suffix}-{port}.sock")  # noqa: S108


def _kafka_properties(site: Site, logs: Path) -> str:
    client, controller = site.address("kafka.client"), site.address("kafka.controller")
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
listeners=CLIENT://{site.bind}:{site.ports["kafka.client"]},CONTROLLER://{controller}
advertised.listeners=CLIENT://{client}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
# A killed broker can come back only when its old session has run out.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


_KAFKA_LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server
logger.server.level=INFO
logger.config.name=org.apache.kafka.common.config
logger.config.level=WARN
logger.configs.name=kafka.server.KafkaConfig
logger.configs.level=WARN
"""
