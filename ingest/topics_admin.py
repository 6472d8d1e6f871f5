"""Making the topics; once, before the first producer or consumer."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from catalog.errors import BrokerError
from catalog.settings import BrokerSettings
from catalog.topics import Topic
from ingest.kafka_clients import LOGGER, client_config

WAIT_SECONDS = 30.0


def ensure_topics(broker: BrokerSettings, wait_seconds: float = WAIT_SECONDS) -> list[str]:
    """Create each topic that is absent; returns the names of those created.

    Safe to run again. Raises BrokerError.
    """
    # The client must outlive its futures: they never complete once it is collected.
    admin = AdminClient(client_config(broker), logger=LOGGER)
    topics = [_new_topic(topic) for topic in broker.topics.all(broker.trade_partitions)]
    futures = admin.create_topics(
        topics, operation_timeout=wait_seconds, request_timeout=wait_seconds
    )
    created = []
    for name, future in futures.items():
        try:
            future.result(wait_seconds + 1)
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise _failure(broker, name, error.args[0].str()) from error
        except TimeoutError as error:
            raise _failure(broker, name, "no answer in time") from error
    return created


def check_topics(broker: BrokerSettings, wait_seconds: float) -> None:
    """Raises BrokerError when the broker is out of reach or lacks one of our topics."""
    admin = AdminClient(client_config(broker), logger=LOGGER)
    try:
        known = admin.list_topics(timeout=wait_seconds).topics
    except KafkaException as error:
        raise BrokerError(
            f"Kafka at {broker.server} does not answer ({error.args[0].str()}). Is it running, and"
            " is KAFKA_SERVER its address?"
        ) from error
    missing = [topic.name for topic in broker.topics.all() if topic.name not in known]
    if missing:
        raise BrokerError(
            f"Kafka at {broker.server} has no topic {', '.join(missing)}. Make them first:"
            " python -m ingest --ensure-topics"
        )


def _new_topic(topic: Topic) -> NewTopic:
    return NewTopic(topic.name, topic.partitions, config=dict(topic.config))


def _failure(broker: BrokerSettings, name: str, problem: str) -> BrokerError:
    return BrokerError(
        f"Topic {name} could not be made at {broker.server}: {problem}. Check that Kafka is running"
        " and that this user may create topics."
    )
