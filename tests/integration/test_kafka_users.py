"""A real Kafka with the stack's users: who may do what, and who may not even come in."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from catalog.errors import BrokerError
from catalog.settings import BrokerSettings, environment_of
from catalog.topics import DEFAULT_TOPIC
from infra import services
from infra.config import StackSettings
from infra.container_site import container_site
from infra.health import PortCheck
from infra.java import ensure_java
from infra.kafka_config import KafkaCluster
from infra.paths import JARS
from ingest.topics_admin import check_topics
from tests.support.local_lake import free_ports
from tests.support.servers import running

pytestmark = pytest.mark.integration

USERS = ("broker", "admin", "producer", "stream", "console")
WORDS = {user: f"word-of-{user}-0123456789" for user in USERS}
CLUSTER_ID = "JWP5CwAJBEnTfmRbpRP_AQ"


@dataclass(frozen=True)
class Kafka:
    address: str
    folder: Path

    def settings(self, user: str, password: str | None = None) -> BrokerSettings:
        return BrokerSettings(
            KAFKA_SERVER=self.address,
            KAFKA_USERNAME=user,
            KAFKA_PASSWORD=WORDS[user] if password is None else password,
            KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT",
        )

    def config(self, user: str) -> dict[str, str | int]:
        return {**self.settings(user).client_config(), "log_level": 0}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory) -> Iterator[Kafka]:
    folder = tmp_path_factory.mktemp("kafka users")
    client, controller = free_ports(2)
    site = replace(
        container_site(StackSettings()),
        java=str(ensure_java(folder / "java").executable),
        jars=JARS,
        data=folder,
        files=folder / "files",
        ports={"kafka.client": client, "kafka.controller": controller},
        hosts={},
        bind="127.0.0.1",
    )
    described = services.kafka(site, KafkaCluster(CLUSTER_ID, ("127.0.0.1",), 1, WORDS))
    address = f"127.0.0.1:{client}"
    with running(replace(described, name="kafka", health=PortCheck(address)), folder):
        one = Kafka(address, folder)
        assert set_up(one).returncode == 0, (folder / "kafka.log").read_text()[-3000:]
        yield one


def set_up(kafka: Kafka, user: str = "admin") -> subprocess.CompletedProcess[str]:
    """The stack's own job, as its container runs it."""
    return subprocess.run(
        [sys.executable, "-m", "infra.jobs.topics"],
        env={**os.environ, **environment_of(kafka.settings(user))},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def send(kafka: Kafka, user: str, topic: str) -> KafkaError | None:
    """The error of one message, None when it was acknowledged."""
    outcome: list[KafkaError | None] = []
    # Not idempotent: then the first refusal is the topic's own.
    producer = Producer({**kafka.config(user), "message.timeout.ms": 8000})
    producer.produce(topic, b"x", on_delivery=lambda error, _: outcome.append(error))
    producer.flush(10)
    return outcome[0] if outcome else KafkaError(KafkaError._TIMED_OUT)


def receive(kafka: Kafka, user: str, topic: str) -> KafkaError | None:
    """The error of a look at a topic that holds a message, None when that came."""
    config = {"group.id": "tapehouse-ingest", "enable.auto.commit": False}
    consumer = Consumer({**kafka.config(user), **config})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in _partitions(topic)])
    try:
        while (message := consumer.poll(8)) is not None:
            error = message.error()
            # Who reads without a group, as Spark does, need not be granted any.
            if error is None or error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                return error
        return KafkaError(KafkaError._TIMED_OUT)
    finally:
        consumer.close()


def _partitions(topic: str) -> range:
    return range(2 if topic == DEFAULT_TOPIC else 1)


def test_the_job_may_be_run_again(kafka):
    again = set_up(kafka)
    assert again.returncode == 0
    assert "none, all were there" in again.stdout + again.stderr


@pytest.mark.parametrize("user", ["producer", "stream"])
def test_nobody_but_the_admin_can_run_the_job(kafka, user):
    refused = set_up(kafka, user)
    assert refused.returncode == BrokerError.exit_code
    assert WORDS[user] not in refused.stdout + refused.stderr


def test_the_producer_writes_and_reads_its_topics(kafka):
    for topic in kafka.settings("producer").topics.all():
        assert send(kafka, "producer", topic.name) is None
        assert receive(kafka, "producer", topic.name) is None


def test_the_stream_reads_and_cannot_write(kafka):
    topic = kafka.settings("stream").topic
    assert send(kafka, "producer", topic) is None
    assert receive(kafka, "stream", topic) is None
    error = send(kafka, "stream", topic)
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_the_console_reads_everything_and_writes_nothing(kafka):
    topic = kafka.settings("console").topic
    assert send(kafka, "producer", topic) is None
    assert receive(kafka, "console", topic) is None
    error = send(kafka, "console", topic)
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("user", ["producer", "stream", "console"])
def test_clients_can_neither_make_nor_delete_topics(kafka, user):
    admin = AdminClient(kafka.config(user))
    made = admin.create_topics([NewTopic("intruder", 1, 1)])["intruder"]
    gone = admin.delete_topics([kafka.settings(user).topic])[kafka.settings(user).topic]
    for future in (made, gone):
        with pytest.raises(KafkaException):
            future.result(10)


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("", ""),
        ("admin", "admin"),
        ("admin", "admin-secret"),
        ("admin", WORDS["stream"]),
        ("broker", "broker"),
        ("kafka", "kafka"),
        ("user", "bitnami"),
        ("nobody", WORDS["admin"]),
    ],
)
def test_other_logins_are_refused(kafka, user, password):
    with pytest.raises(BrokerError):
        check_topics(kafka.settings(user, password) if user else plain(kafka), 3)


def plain(kafka: Kafka) -> BrokerSettings:
    return BrokerSettings(KAFKA_SERVER=kafka.address, KAFKA_SECURITY_PROTOCOL="PLAINTEXT")


def test_no_password_stands_in_a_command_line_or_a_log(kafka):
    log = (kafka.folder / "kafka.log").read_text()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            log += path.read_text()
        except OSError:
            continue
    assert not [user for user, word in WORDS.items() if word in log]
