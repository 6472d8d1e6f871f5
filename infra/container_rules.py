"""What is the same for every container: how it is hardened, and what keeps a second `up` idle.

The provider reads values back from the engine and compares texts, so each stands here exactly as
the engine writes it: durations as Go prints them, capabilities as `ALL`, lists sorted.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_docker as docker

from infra.config import StackSettings
from infra.engine import PROJECT_LABEL, SERVICE_LABEL, STACK_LABEL
from infra.ports import LOOPBACK
from infra.probes import PROBE
from infra.service import Service

# The user of all our images; it owns nothing but the folders that are kept and /tmp.
USER = "10001:10001"

# The kernel counts a user's processes over all containers together, and all of ours are one user.
_PROCESSES = 8192
# No engine grants more than it has itself, and some have 20,000.
_OPEN_FILES = 16_384

# Recorded in the state but never applied to a container that exists, unless it is replaced; and a
# failed wait must not be forgiven by the next `up`, which has nothing else to change.
REPLACED_ON = ["#initerror", "healthcheck", "init", "tmpfs"]

# On each container: the id of the carrier of its files. On each carrier: the stack that it is of.
DELIVERY_LABEL = "dev.tapehouse.delivery"
CARRIER_LABEL = "dev.tapehouse.carrier-of"
_CARRIER_MB = 16
_KEEPERS_GRACE_SECONDS = 30
_LOG_OPTIONS = {"max-file": "3", "max-size": "10m"}


def go_duration(seconds: int) -> str:
    """As Go prints it and the engine reads it back: 90 -> 1m30s."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def container_name(settings: StackSettings, service_name: str) -> str:
    """What `docker ps` shows."""
    return f"{settings.prefix}-{service_name}"


def labels(settings: StackSettings, service_name: str = "") -> dict[str, str]:
    """By which all that belongs to a stack is found."""
    found = {PROJECT_LABEL: settings.project, STACK_LABEL: settings.stack}
    return found | ({SERVICE_LABEL: service_name} if service_name else {})


def container_labels(
    settings: StackSettings, service_name: str, delivery: pulumi.Input[str]
) -> list[docker.ContainerLabelArgs]:
    """The same, as a container wants them, and the id of what wrote its files."""
    named = {**labels(settings, service_name), DELIVERY_LABEL: delivery}
    return [docker.ContainerLabelArgs(label=name, value=named[name]) for name in sorted(named)]


def uploads(files: Mapping[str, str]) -> list[docker.ContainerUploadArgs]:
    """The files as the engine is to write them: root's, readable in the one container they are in.

    An owner is left out: the engine would then ask the image for the name of its user.
    """
    return [
        docker.ContainerUploadArgs(file=path, content=files[path], permissions="0444")
        for path in sorted(files)
    ]


def carrier_rules(service: Service, settings: StackSettings) -> dict[str, Any]:
    """Arguments for the container that a service's files are written through.

    It is never started, and has no label by which the stack's containers are found.
    """
    return {
        "name": f"{container_name(settings, service.name)}-files",
        "labels": [docker.ContainerLabelArgs(label=CARRIER_LABEL, value=settings.prefix)],
        "user": USER,
        "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        "security_opts": ["no-new-privileges:true"],
        "log_driver": "none",
        "memory": _CARRIER_MB,
        "memory_swap": _CARRIER_MB,
        "network_mode": "none",
        "start": False,
        "must_run": False,
    }


def healthcheck(service: Service) -> docker.ContainerHealthcheckArgs:
    """The probe of a service; of a job, whether it has ended well."""
    probe = (*PROBE, "job") if service.job else service.probe
    return docker.ContainerHealthcheckArgs(
        tests=["CMD", *probe],
        interval=go_duration(1 if service.job else 5),
        timeout=go_duration(10),
        start_period=go_duration(60),
        retries=3,
    )


def environment(service: Service) -> list[str]:
    """`NAME=value`, sorted: their order counts as a change."""
    variables = {**service.environment, **({"TAPEHOUSE_JOB": "1"} if service.job else {})}
    return [f"{name}={variables[name]}" for name in sorted(variables)]


def scratch(service: Service) -> dict[str, str]:
    """The one place beside its folders that a container may write to: in memory, and bounded."""
    run = "exec" if service.scratch_exec else "noexec"
    return {"/tmp": f"rw,{run},nosuid,nodev,size={service.scratch_mb}m,mode=1777"}  # noqa: S108


def limits() -> list[docker.ContainerUlimitArgs]:
    """Of processes and of open files."""
    values: Mapping[str, int] = {"nofile": _OPEN_FILES, "nproc": _PROCESSES}
    return [
        docker.ContainerUlimitArgs(name=name, soft=value, hard=value)
        for name, value in values.items()
    ]


def ports(service: Service, settings: StackSettings) -> list[docker.ContainerPortArgs]:
    """What is published: the page on the address of the config, all else on loopback."""
    address = settings.dashboard_address if service.name == "dashboard" else LOOPBACK
    return [
        docker.ContainerPortArgs(
            internal=inside, external=service.publishes[inside], ip=address, protocol="tcp"
        )
        for inside in sorted(service.publishes)
    ]


def _grace_seconds(service: Service) -> int:
    # Only a bound: who keeps something gets time to write it down even on a busy machine.
    return max(service.grace_seconds, _KEEPERS_GRACE_SECONDS if service.folders else 0)


def rules(service: Service, settings: StackSettings) -> dict[str, Any]:
    """Arguments of `docker.Container` that follow from the rules alone."""
    return {
        "name": container_name(settings, service.name),
        "hostname": service.name,
        "command": list(service.command),
        "envs": environment(service),
        "user": USER,
        "init": True,
        "read_only": True,
        "tmpfs": scratch(service),
        "capabilities": docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        "security_opts": ["no-new-privileges:true"],
        "memory": service.memory_mb,
        # Equal: no swap. Left out, it reads back as twice the memory, a change on every run.
        "memory_swap": service.memory_mb,
        "ulimits": limits(),
        "log_driver": "json-file",
        "log_opts": _LOG_OPTIONS,
        # With a back-off that doubles, and also after the engine itself was started again.
        "restart": "no" if service.job else "unless-stopped",
        "must_run": not service.job,
        "network_mode": "bridge",
        "healthcheck": healthcheck(service),
        "wait": True,
        "wait_timeout": settings.patience_seconds,
        # Unset would mean SIGKILL at once; the other is what an engine that stops goes by.
        "destroy_grace_seconds": _grace_seconds(service),
        "stop_timeout": _grace_seconds(service),
    }
