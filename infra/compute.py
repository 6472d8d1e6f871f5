"""Spark: its master, its workers, and the job that turns messages into rows."""

from infra.container import Role


class Compute(Role):
    """What reads Kafka and writes the tables; anyone who reached it could run code."""

    roles = ("spark-master", "worker", "stream", "spark-ui")
