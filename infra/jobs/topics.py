"""`python -m infra.jobs.topics`: makes the topics that are absent, and says who may do what.

Run as the admin; from then on the producer writes, the stream reads, and nobody else does either.
"""

import sys
from collections.abc import Iterator

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are its public names
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from catalog.errors import BrokerError
from catalog.settings import BrokerSettings
from catalog.topics import Topics
from infra.jobs.broker_users import CONSOLE, PRODUCER, STREAM
from infra.jobs.running import run_job
from ingest.kafka_clients import LOGGER, client_config
from ingest.topics_admin import ensure_topics

_WAIT_SECONDS = 30.0
_ANY = "*"
# What librdkafka calls broker is the cluster, which has but one name.
_CLUSTER, _CLUSTER_NAME = ResourceType.BROKER, "kafka-cluster"


def main() -> int:
    """Returns the exit code."""
    return run_job("infra.jobs.topics", _ensure)


def grants(topics: Topics) -> Iterator[AclBinding]:
    """Everything that anyone but the admin may do; to read or to write includes to describe."""
    read, write = AclOperation.READ, AclOperation.WRITE
    for topic in topics.all():
        yield _grant(PRODUCER, write, ResourceType.TOPIC, topic.name)
        # Where the producer's last run left off stands in the topics alone.
        yield _grant(PRODUCER, read, ResourceType.TOPIC, topic.name)
        yield _grant(STREAM, read, ResourceType.TOPIC, topic.name)
    yield _grant(PRODUCER, read, ResourceType.GROUP, "tapehouse-ingest")
    yield _grant(CONSOLE, read, ResourceType.TOPIC, _ANY)
    yield _grant(CONSOLE, read, ResourceType.GROUP, _ANY)
    yield _grant(CONSOLE, AclOperation.DESCRIBE, _CLUSTER, _CLUSTER_NAME)


def _grant(user: str, operation: AclOperation, kind: ResourceType, name: str) -> AclBinding:
    return AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        _ANY,
        operation,
        AclPermissionType.ALLOW,
    )


def _ensure() -> str:
    broker = BrokerSettings.read()
    made = ensure_topics(broker, _WAIT_SECONDS)
    # The client must outlive its futures: they never complete once it is collected.
    admin = AdminClient(client_config(broker), logger=LOGGER)
    futures = admin.create_acls(list(grants(broker.topics)), request_timeout=_WAIT_SECONDS)
    for binding, future in futures.items():
        try:
            future.result(_WAIT_SECONDS + 1)
        except (KafkaException, TimeoutError) as error:
            problem = error.args[0].str() if isinstance(error, KafkaException) else "no answer"
            raise BrokerError(
                f"Kafka at {broker.server} did not grant rights on"
                f" {binding.name} to {binding.principal}: {problem}. Does its user"
                f" {broker.username} administrate it?"
            ) from error
    return (
        f"topics made: {', '.join(made) or 'none, all were there'}; {len(futures)} rights granted"
    )


if __name__ == "__main__":
    sys.exit(main())
