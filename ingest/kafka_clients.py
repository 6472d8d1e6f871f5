"""What every Kafka client of this process starts from."""

import logging

from catalog.settings import BrokerSettings

LOGGER = logging.getLogger("ingest.librdkafka")

ClientConfig = dict[str, str | int | float | bool]


def client_config(broker: BrokerSettings) -> ClientConfig:
    """The settings shared by all. Holds the password: never log it.

    librdkafka logs each failed try to reconnect as an error; ours say once that the broker is away.
    """
    return {**broker.client_config(), "log_level": 2}
