"""Checks of a Pulumi stack's containers and of the engine they run on, each with what mends it."""

from collections.abc import Callable, Iterable

from catalog.errors import TapehouseError
from infra.doctor import Finding
from infra.engine import Container, Engine
from infra.output import human_bytes
from infra.reach import trades_position
from infra.reach_stack import StackReach

_LOOPBACK = "127.0.0.1:"
_SHOWN_LINES = 3


def examine(stack: str) -> list[Finding]:
    """All checks, in the order in which one would mend them. Changes nothing."""
    engine = Engine()
    reach = StackReach(stack, engine)
    containers: dict[str, Container] = {}

    def find() -> str:
        containers.update(reach.containers())
        return f"{len(containers)} containers of {stack}"

    findings = [_asked("engine", lambda: f"Docker {engine.version()}")]
    if findings[0].failed:
        return findings
    findings.append(_asked("stack", find))
    if findings[-1].failed:
        return findings
    return [
        *findings,
        *(check_container(one, engine.logs) for one in containers.values()),
        check_published(containers.values()),
        check_memory(containers.values(), engine.memory_bytes()),
        _asked("stream", lambda: _position(reach)),
    ]


def check_container(container: Container, logs: Callable[[str, int], str]) -> Finding:
    """Up and healthy, or well ended; else its last words are shown."""
    found = " ".join(filter(None, (container.state, container.health)))
    if not container.is_good:
        last = " / ".join(logs(container.name, _SHOWN_LINES).splitlines())
        return Finding(
            container.service,
            f"{found}, exit code {container.exit_code}: {last}",
            f"`docker logs {container.name}` says more; `pulumi up --refresh` starts it anew",
            failed=True,
        )
    if container.restarts:
        return Finding(
            container.service,
            f"{found}, but started again {container.restarts} times",
            f"`docker logs {container.name}` tells why it ended",
        )
    return Finding(container.service, found)


def check_published(containers: Iterable[Container]) -> Finding:
    """Whether anyone but this machine can connect."""
    addresses = sorted(address for one in containers for address in one.published)
    shown = ", ".join(addresses) or "none"
    if all(address.startswith(_LOOPBACK) for address in addresses):
        return Finding("ports", shown)
    return Finding(
        "ports",
        f"{shown}: reachable from other machines",
        "let only those in who may see it: a sign-in and TLS belong in front of it",
    )


def check_memory(containers: Iterable[Container], total_bytes: int) -> Finding:
    """Room for what the containers may take together."""
    wanted = sum(one.memory_bytes for one in containers if one.state == "running")
    found = f"at most {human_bytes(wanted)} of the engine's {human_bytes(total_bytes)}"
    tight = wanted > total_bytes
    return Finding("memory", found, "lower `memory` in the config" if tight else None)


def _position(reach: StackReach) -> str:
    places = trades_position(reach).values()
    stored, latest = sum(stored for stored, _ in places), sum(latest for _, latest in places)
    return f"{stored} trades stored, {max(0, latest - stored)} behind Kafka"


def _asked(check: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(check, ask())
    except TapehouseError as error:
        return Finding(check, str(error), "see what it says", failed=True)
