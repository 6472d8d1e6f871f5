"""Kafka as it is in containers alone: users, several nodes, the job that says who may do what."""

import json

from pydantic import SecretStr

from catalog.settings import BrokerSettings
from catalog.topics import DEFAULT_TOPIC
from infra.config import StackSettings
from infra.credentials import StackCredentials
from infra.health import Running
from infra.jobs.broker_users import ADMIN, BROKER, CONSOLE, PRODUCER, STREAM
from infra.kafka_config import SCRAM, KafkaCluster
from infra.service import File, Service, Site
from infra.services import kafka

# A third party's; read by its authors' name, since no registry's host stands here.
KAFKA_UI_IMAGE = (
    "kafbat/kafka-ui:v1.5.0@sha256:7cda86a33344160309fdb65146332e4da65db81a945614f2fe32e210803f6fd1"
)
_PAGE = 8082


def passwords(credentials: StackCredentials) -> dict[str, str]:
    """Every user of our own Kafka."""
    return {
        BROKER: credentials.kafka_broker_password,
        ADMIN: credentials.kafka_admin_password,
        PRODUCER: credentials.kafka_producer_password,
        STREAM: credentials.kafka_stream_password,
        CONSOLE: credentials.kafka_console_password,
    }


def client_settings(
    settings: StackSettings, credentials: StackCredentials, site: Site, user: str
) -> BrokerSettings:
    """How one of our clients reaches Kafka, ours or not."""
    common = {"topic": DEFAULT_TOPIC, "trade_partitions": settings.topic_partitions}
    external = settings.external_broker
    if external:
        return BrokerSettings.read(
            **common,
            server=external.server,
            username=external.username,
            password=SecretStr(credentials.external.broker_password),
            sasl_mechanism=external.sasl_mechanism,
            security_protocol=external.security_protocol,
        )
    port = site.ports["kafka.client"]
    return BrokerSettings.read(
        **common,
        server=",".join(f"{node}:{port}" for node in nodes(settings)),
        username=user,
        password=SecretStr(passwords(credentials)[user]),
        sasl_mechanism=SCRAM,
        security_protocol="SASL_PLAINTEXT",
    )


def nodes(settings: StackSettings) -> tuple[str, ...]:
    """The brokers' names, which are their addresses."""
    more = (f"kafka-{number}" for number in range(2, settings.brokers + 1))
    return ("kafka", *more)


def kafka_nodes(
    settings: StackSettings, credentials: StackCredentials, site: Site
) -> tuple[Service, ...]:
    """Every node; each is broker and controller."""
    names = nodes(settings)
    return tuple(
        kafka(
            site,
            KafkaCluster(credentials.kafka_cluster_id, names, number, passwords(credentials)),
        )
        for number in range(1, len(names) + 1)
    )


def kafka_ui(site: Site, broker: BrokerSettings, page_password: str) -> Service:
    """A console for Kafka, of a third party: it may read everything and change nothing."""
    configuration = site.files_of("kafka-ui") / "kafka-ui.json"
    inside = site.ports["kafka-ui.page"]
    return Service(
        name="kafka-ui",
        command=(
            "java",
            "--add-opens",
            "java.rmi/javax.rmi.ssl=ALL-UNNAMED",
            f"-Xmx{site.memory['kafka-ui'] // 2}m",
            "-jar",
            "/api.jar",
        ),
        health=Running(),
        memory_mb=site.memory["kafka-ui"],
        environment={"SPRING_CONFIG_ADDITIONAL_LOCATION": f"file:{configuration}"},
        files=(File(configuration, _kafka_ui_config(broker, inside, page_password)),),
        needs=("ensure-topics",),
        image=KAFKA_UI_IMAGE,
        networks=("ingest",),
        probe=("wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{inside}/actuator/health"),
        publishes={inside: _PAGE},
        scratch_mb=64,
        scratch_exec=True,
    )


def _kafka_ui_config(broker: BrokerSettings, port: int, page_password: str) -> str:
    """Spring's own form. Its page asks for a password too: nothing here lets anyone in."""
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    password = broker.password.get_secret_value()
    jaas = f'{login} required username="{broker.username}" password="{password}";'
    cluster = {
        "name": "tapehouse",
        "readOnly": True,
        "bootstrapServers": broker.server,
        "properties": {
            "security.protocol": broker.protocol,
            "sasl.mechanism": broker.sasl_mechanism,
            "sasl.jaas.config": jaas,
        },
    }
    return json.dumps(
        {
            "server": {"port": port},
            "auth": {"type": "LOGIN_FORM"},
            "spring": {"security": {"user": {"name": "tapehouse", "password": page_password}}},
            "kafka": {"clusters": [cluster]},
        },
        indent=1,
    )
