"""Where trades come from: Finnhub, or the simulator when there is no token for it."""

from infra.container import Role


class Feed(Role):
    """The simulator, if it is needed, and the producer that writes what it hears to Kafka."""

    roles = ("simulator", "producer")
