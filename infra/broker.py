"""Kafka: its nodes, the job that makes topics and their rules, its console when asked for."""

from infra.container import Role


class Broker(Role):
    """Where messages wait between the feed and the stream."""

    roles = ("kafka", "ensure-topics", "kafka-ui")
