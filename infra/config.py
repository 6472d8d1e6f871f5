"""The stack's settings: one frozen object without secrets, checked before any resource exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from catalog.retention import DEFAULT_LADDER
from catalog.settings import DEFAULT_SYMBOLS


class StoreKind(StrEnum):
    """The object store, and with it the REST catalog that suits it."""

    MINIO = "minio"
    SEAWEEDFS = "seaweedfs"


class Lifecycle(StrEnum):
    """What becomes of the docker volumes at `destroy`."""

    EPHEMERAL = "ephemeral"
    RETAIN = "retain"


@dataclass(frozen=True, slots=True)
class ExternalBroker:
    """A Kafka that is not ours; its password comes with the stack's credentials."""

    server: str
    username: str = ""
    security_protocol: str = ""
    sasl_mechanism: str = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class ExternalStore:
    """An S3 store that is not ours, its bucket there already; secret keys come with credentials.

    Without a reader's key the dashboard uses the writer's.
    """

    endpoint: str
    access_key: str
    reader_access_key: str = ""
    region: str = "us-east-1"
    warehouse: str = "s3://lake"


@dataclass(frozen=True, slots=True)
class ExternalCatalog:
    """An Iceberg REST catalog that is not ours; token or credential come with credentials."""

    uri: str
    warehouse: str = ""
    oauth2_uri: str = ""


@dataclass(frozen=True, slots=True)
class StackSettings:
    """All that `pulumi config` decides; None for an external role means ours.

    `rate` is the simulator's, in trades a second; `memory` holds megabytes by role and wins over
    the defaults; `patience_seconds` is how long `up` waits for each service to be healthy; an empty
    `base_image` or `store_image` means the pinned one.
    """

    project: str = "tapehouse"
    stack: str = "dev"
    tickers: tuple[str, ...] = DEFAULT_SYMBOLS
    has_token: bool = False
    store: StoreKind = StoreKind.MINIO
    workers: int = 1
    brokers: int = 1
    topic_partitions: int = 2
    trigger_seconds: float = 2
    snapshot_ladder: str = DEFAULT_LADDER
    rate: float | None = None
    dashboard_port: int = 8501
    dashboard_address: str = "127.0.0.1"
    consoles: bool = False
    lifecycle: Lifecycle = Lifecycle.EPHEMERAL
    memory: Mapping[str, int] = field(default_factory=dict)
    patience_seconds: int = 180
    base_image: str = ""
    store_image: str = ""
    external_broker: ExternalBroker | None = None
    external_store: ExternalStore | None = None
    external_catalog: ExternalCatalog | None = None
    external_spark: str | None = None

    @property
    def has_external(self) -> bool:
        """Whether some service must reach one that is not ours."""
        roles = (self.external_broker, self.external_store, self.external_catalog)
        spark = self.external_spark or "local"
        return any(role is not None for role in roles) or not spark.startswith("local")

    @property
    def prefix(self) -> str:
        """What the names of all containers, networks and volumes of the stack start with."""
        return f"{self.project}-{self.stack}"
