"""The last step of every `up`: each service is asked, now, whether it works.

Pulumi sees what it changes. A service that was stopped, broke or was taken away since the last
`up` would go unnoticed, and the run would be green; here it is found and named.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from catalog.errors import ServiceError
from infra.engine import Container, Engine
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
    log = "".join(f"\n    {line}" for line in engine.logs(container.name, _LINES).splitlines())
    return (
        f"service {service.name} failed: {how}. To start it again: {advice}. The last lines of its"
        f" log:{log}"
    )
