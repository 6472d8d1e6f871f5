"""Kafka's own files: `server.properties`, its logging, and what a broker is formatted with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.jobs.broker_users import ADMIN, BROKER
from infra.service import Site

SCRAM = "SCRAM-SHA-512"

_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
_PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """One broker's place among its like, and who may talk to it.

    `nodes` are the hosts of all brokers, the first one's id being 1; none: it is alone. `users` are
    names and passwords, the broker's own and the admin's among them; none: anyone may, which is for
    a loopback address alone. Brokers are formatted with the users once, with their first start.
    """

    id: str
    nodes: tuple[str, ...] = ()
    node: int = 1
    users: Mapping[str, str] = field(default_factory=dict, repr=False)


def kafka_properties(site: Site, logs: Path, cluster: KafkaCluster) -> str:
    """The text of `server.properties`. Holds the broker's password when there are users."""
    return "".join(
        (
            _listening(site, cluster),
            _SECURED.format(
                client=_jaas(_SCRAM_MODULE, cluster.users[BROKER]),
                controller=_jaas(_PLAIN_MODULE, cluster.users[BROKER], accepts=True),
            )
            if cluster.users
            else "",
            _replicated(min(3, len(cluster.nodes) or 1)),
            _STORING.format(logs=logs),
        )
    )


def format_arguments(cluster: KafkaCluster, properties: Path) -> str:
    """An argument file for Java that formats a broker's folder.

    A file, because a command line would show the passwords that it holds when there are users.
    """
    users = (f"{SCRAM}=[name={name},password={word}]" for name, word in cluster.users.items())
    arguments = (
        "kafka.tools.StorageTool",
        *("format", "--ignore-formatted", "-t", cluster.id, "-c", str(properties)),
        *(part for user in users for part in ("--add-scram", user)),
    )
    return "".join(f"{_quoted(argument)}\n" for argument in arguments)


def _quoted(argument: str) -> str:
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _listening(site: Site, cluster: KafkaCluster) -> str:
    client_port, controller_port = site.ports["kafka.client"], site.ports["kafka.controller"]
    alone = len(cluster.nodes) < 2  # noqa: PLR2004 (a pair, that is)
    # A controller that is alone talks to itself: nobody else need reach it.
    hosts = ("127.0.0.1",) if alone else cluster.nodes
    voters = ",".join(f"{i}@{host}:{controller_port}" for i, host in enumerate(hosts, start=1))
    bind = "127.0.0.1" if alone else site.bind
    own = cluster.nodes[cluster.node - 1] if cluster.nodes else None
    client = f"{own}:{client_port}" if own else site.address("kafka.client")
    controller = "" if alone else f",CONTROLLER://{own}:{controller_port}"
    protocol = "SASL_PLAINTEXT" if cluster.users else "PLAINTEXT"
    return f"""\
process.roles=broker,controller
node.id={cluster.node}
controller.quorum.voters={voters}
listeners=CLIENT://{site.bind}:{client_port},CONTROLLER://{bind}:{controller_port}
advertised.listeners=CLIENT://{client}{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:{protocol},CONTROLLER:{protocol}
"""


def _jaas(module: str, password: str, *, accepts: bool = False) -> str:
    accepted = f' user_{BROKER}="{password}"' if accepts else ""
    return f'{module} required username="{BROKER}" password="{password}"{accepted};'


# SCRAM users live in the controllers' own log, so controllers know each other by PLAIN.
_SECURED = f"""\
sasl.mechanism.inter.broker.protocol={SCRAM}
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.sasl.enabled.mechanisms={SCRAM}
listener.name.client.{SCRAM.lower()}.sasl.jaas.config={{client}}
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={{controller}}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{BROKER};User:{ADMIN}
"""


def _replicated(copies: int) -> str:
    """With three copies, one may be missing and nothing acknowledged is lost."""
    in_sync = max(1, copies - 1)
    return f"""\
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
"""


_STORING = """\
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
# A killed broker can come back only when its old session has run out.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


KAFKA_LOGGING = """\
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
