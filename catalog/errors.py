"""Every error Tapehouse raises on purpose.

TapehouseError
├── SettingsError        a setting is missing, malformed or contradicts another
├── InstallError         a download, jar, JRE or tool is missing or has a wrong sum
├── ServiceError         a service did not start, stopped, or does not answer
├── FeedError            the feed failed
│   ├── FeedRefusedError     for good: bad token, bad address (do not retry)
│   └── FeedThrottledError   for a while: the vendor says when to come back
├── BrokerError          Kafka refused, or did not acknowledge in time
├── LakeError            the REST catalog or the object store refused or is out of reach
│   └── MomentError          the asked-for moment is unknown, expired, or in the future
├── QueryError           the SQL itself is wrong or not allowed
├── CheckpointError      checkpoint and table disagree: starting would lose or double trades
└── RecordingError       a recording cannot be read

A message says what happened, what it means and what to do. Foreign errors are translated where the
I/O happens, with their cause kept. `exit_code` is what the command line ends with.
"""


class TapehouseError(Exception):
    """Root of the tree; catch this to catch everything Tapehouse raises on purpose."""

    exit_code = 1


class SettingsError(TapehouseError):
    """A setting is missing, malformed or contradicts another."""

    exit_code = 2


class InstallError(TapehouseError):
    """A download, jar, JRE or tool is missing or is not what its lock says."""

    exit_code = 3


class ServiceError(TapehouseError):
    """A service did not start, stopped, or does not answer."""

    exit_code = 4


class FeedError(TapehouseError):
    """The feed failed; trying again may help."""

    exit_code = 5


class FeedRefusedError(FeedError):
    """The vendor refused for good; trying again cannot help."""


class FeedThrottledError(FeedError):
    """The vendor asks for patience; `retry_after_seconds` is None when it did not say how long."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class BrokerError(TapehouseError):
    """Kafka refused, or did not acknowledge in time."""

    exit_code = 6


class LakeError(TapehouseError):
    """The REST catalog or the object store refused, or is out of reach."""

    exit_code = 7


class MomentError(LakeError):
    """The asked-for moment is unknown, expired, or in the future.

    `nearest` are the ids of the kept snapshots of `trades` that the message offers instead; an
    error that comes from another process has none.
    """

    exit_code = 8

    def __init__(self, message: str, nearest: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.nearest = nearest


class QueryError(TapehouseError):
    """The SQL is wrong or not allowed."""

    exit_code = 9


class CheckpointError(TapehouseError):
    """Checkpoint and table disagree: starting would lose or double trades."""

    exit_code = 10


class RecordingError(TapehouseError):
    """A recording cannot be read."""

    exit_code = 11


def kind_of(exit_code: object) -> type[TapehouseError] | None:
    """The kind of error that ends a process with this exit code; None where no kind is meant.

    1 means none: it is also what Python ends with when it crashes.
    """
    return _KINDS.get(exit_code) if isinstance(exit_code, int) else None


_KINDS: dict[int, type[TapehouseError]] = {
    kind.exit_code: kind
    for kind in tuple(vars().values())
    if isinstance(kind, type)
    and issubclass(kind, TapehouseError)
    and "exit_code" in vars(kind)
    and kind is not TapehouseError
}
