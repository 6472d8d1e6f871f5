"""What must hold of a stack's settings before any resource exists: one error for each rule."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable

from catalog.errors import SettingsError
from catalog.retention import parse_rungs
from infra.config import StackSettings
from infra.service import Service

BROKER_COUNTS = (1, 3)
MOST_TOPIC_PARTITIONS = 1000
SLOWEST_TRIGGER_SECONDS = 60
LAST_PORT = 65_535
_MEGABYTE = 1024 * 1024
# Names of images allow less than those of stacks.
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


def check_settings(settings: StackSettings) -> None:
    """Raise SettingsError for the first value that cannot be."""
    _check(
        bool(_NAME.fullmatch(settings.prefix)),
        f"The stack {settings.stack!r} cannot name images: lower-case letters, digits and single"
        " . _ - only. Choose another name: pulumi stack init NAME",
    )
    _check(settings.workers >= 1, f"workers is {settings.workers}, and Spark needs at least one.")
    _check(
        settings.brokers in BROKER_COUNTS,
        f"brokers is {settings.brokers}, and can only be 1 (no copy) or 3 (one may fail): with two,"
        " the loss of either stops both.",
    )
    _check(
        1 <= settings.topic_partitions <= MOST_TOPIC_PARTITIONS,
        f"topicPartitions is {settings.topic_partitions}, and must be 1 to"
        f" {MOST_TOPIC_PARTITIONS}.",
    )
    _check(
        1 <= settings.trigger_seconds <= SLOWEST_TRIGGER_SECONDS,
        f"triggerSeconds is {settings.trigger_seconds}, and must be 1 to"
        f" {SLOWEST_TRIGGER_SECONDS}.",
    )
    _check_ladder(settings.snapshot_ladder)
    _check(settings.patience_seconds >= 1, "patienceSeconds must be at least 1.")
    _check(
        1 <= settings.dashboard_port <= LAST_PORT,
        f"dashboardPort is {settings.dashboard_port}, and must be 1 to {LAST_PORT}.",
    )
    _check(
        _is_address(settings.dashboard_address),
        f"dashboardAddress is {settings.dashboard_address!r}, and must be an address of the"
        " engine's machine such as 127.0.0.1: a port is published on an address, not on a name.",
    )


def _check_ladder(text: str) -> None:
    try:
        parse_rungs(text)
    except ValueError as error:
        raise SettingsError(f"snapshotLadder is {text!r}: {error}.") from None


def check_services(
    services: Iterable[Service], settings: StackSettings, host_memory_bytes: int | None
) -> None:
    """Raise SettingsError when two services want one port or all together too much memory.

    Jobs run one after another beside the services, so only the largest counts; None for the host's
    memory means that nobody could be asked.
    """
    services = tuple(services)
    _check_ports(services)
    roles = {service.role or service.name for service in services}
    unknown = sorted(set(settings.memory) - roles)
    _check(
        not unknown,
        f"memory.{''.join(unknown[:1])} is no role of this stack: its roles are"
        f" {', '.join(sorted(roles))}.",
    )
    needed = memory_mb(services)
    host = None if host_memory_bytes is None else host_memory_bytes // _MEGABYTE
    _check(
        host is None or needed <= host,
        f"The services may take {needed} MB together, and the engine's machine has {host} MB: less"
        " for some role (pulumi config set --path memory.ROLE MB), fewer workers or brokers, or a"
        " larger machine.",
    )


def memory_mb(services: Iterable[Service]) -> int:
    """The most that the services take at one time."""
    services = tuple(services)
    jobs = [service.memory_mb for service in services if service.job]
    return sum(service.memory_mb for service in services if not service.job) + max(jobs, default=0)


def _check_ports(services: Iterable[Service]) -> None:
    published = Counter(port for service in services for port in service.publishes.values())
    taken = sorted(port for port, count in published.items() if count > 1)
    _check(
        not taken,
        f"Two services would be published on port {''.join(map(str, taken[:1]))}: choose another"
        " for the dashboard (pulumi config set dashboardPort 8600), or set consoles to false.",
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise SettingsError(message)
