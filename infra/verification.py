"""The last step of every `up`: each service is asked, now, whether it works, and all together.

Pulumi sees what it changes. A service that was stopped, broke or was taken away since the last
`up` would go unnoticed, and the run would be green; here it is found and named. And each may answer
for itself while no trade comes through: so the way is looked at from both its ends.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from catalog.errors import ServiceError, TapehouseError
from infra.engine import Container, Engine
from infra.flow import Flow
from infra.reach import Reach, ask, ask_apart
from infra.service import Service

_LINES = 15
_POLL_SECONDS = 1.0
_AT_ONCE = 4


def verify(engine: Engine, prefix: str, services: Sequence[Service], patience: float) -> None:
    """Return when all are healthy; raise ServiceError, naming those that after a while are not."""
    deadline = time.monotonic() + patience
    while True:
        problems = _problems(engine, prefix, services)
        if not problems:
            return
        if time.monotonic() > deadline or any(final for _, final in problems):
            raise ServiceError("\n".join(text for text, _ in problems))
        time.sleep(_POLL_SECONDS)


def verify_flow(
    engine: Engine, prefix: str, reach: Reach, patience: float, *, simulated: bool
) -> None:
    """Return when trades reach the table and dashboard and console can read it.

    Else raise ServiceError.

    A simulator never rests, so a new trade must come. A market may: then it is enough that all of
    Kafka's are stored.
    """
    deadline, flow = time.monotonic() + patience, Flow(reach.topic)

    def stuck() -> str:
        try:
            flow.note(reach.keeper_status())
        except TapehouseError as error:
            return str(error)
        if flow.grew or (flow.is_caught_up and not simulated):
            return ""
        return f"{flow.stored} are in the table and {flow.latest} in Kafka, and no new one comes."

    def unreadable(read: Callable[[Reach, str], object]) -> str:
        try:
            read(reach, "SELECT count(*) FROM trades")
        except TapehouseError as error:
            return str(error)
        return ""

    if problem := _after(deadline, stuck):
        suspects = ("producer", "stream") if flow.is_caught_up else ("stream",)
        raise _unfit(engine, prefix, suspects, f"trades do not reach the table: {problem}")
    for name, read in (("dashboard", ask), ("console", ask_apart)):
        if problem := _after(deadline, partial(unreadable, read)):
            raise _unfit(engine, prefix, (name,), f"it cannot read the table: {problem}")


def _after(deadline: float, complaint: Callable[[], str]) -> str:
    """The complaint that is left at the deadline; empty as soon as there is none."""
    while text := complaint():
        if time.monotonic() > deadline:
            return text
        time.sleep(_POLL_SECONDS)
    return ""


def _unfit(engine: Engine, prefix: str, names: Sequence[str], how: str) -> ServiceError:
    logs = "".join(
        f"\nThe last lines of the log of {name}:{_log(engine, f'{prefix}-{name}')}"
        for name in names
    )
    return ServiceError(
        f"service {', '.join(names)} failed: every container is healthy, but {how}{logs}"
    )


def _problems(engine: Engine, prefix: str, services: Sequence[Service]) -> list[tuple[str, bool]]:
    """What is wrong, service by service, and whether waiting cannot help."""
    names = {f"{prefix}-{service.name}": service for service in services}
    found = {one.name: one for one in map(Container.parse, engine.inspect(*names))}

    def problem(name: str) -> tuple[str, bool] | None:
        container, service = found.get(name), names[name]
        if container is None:
            return _gone(service), True
        if container.is_good and _answers(engine, container, service):
            return None
        return _bad(engine, container, service), _is_final(container)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [one for one in threads.map(problem, names) if one]


def _answers(engine: Engine, container: Container, service: Service) -> bool:
    """Asked anew: the health that the engine remembers can be some seconds old."""
    return service.job or engine.run_in(container.name, service.probe).returncode == 0


def _is_final(container: Container) -> bool:
    return container.state in {"exited", "dead", "paused"}


def _gone(service: Service) -> str:
    return (
        f"service {service.name} failed: its container is gone, though nobody told Pulumi."
        " `pulumi up --refresh` makes it anew."
    )


def _bad(engine: Engine, container: Container, service: Service) -> str:
    how = container.state if container.state != "running" else f"running, {container.health}"
    if container.state == "exited":
        how = f"exited with code {container.exit_code}"
    advice = (
        f"pulumi up --replace '**::{service.name}'"
        if service.job
        else "pulumi up --refresh, once its cause is mended"
    )
    return (
        f"service {service.name} failed: {how}. To start it again: {advice}. The last lines of its"
        f" log:{_log(engine, container.name)}"
    )


def _log(engine: Engine, name: str) -> str:
    return "".join(f"\n    {line}" for line in engine.logs(name, _LINES).splitlines())
