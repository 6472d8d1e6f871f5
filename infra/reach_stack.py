"""An instance that runs as a Pulumi stack's containers, as the commands see it.

The stack publishes no port but the dashboard's, so everything else is asked from inside: a command
run in the container of the service that may know, with that service's own credentials.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from catalog.errors import ServiceError
from catalog.topics import DEFAULT_TOPIC
from infra.connections import SIMULATOR
from infra.engine import LAUNCHER, PROJECT_LABEL, STACK_LABEL, Container, Engine
from infra.exit_codes import error_of
from infra.plan import FeedKind
from infra.reach import Json

if TYPE_CHECKING:
    import pyarrow as pa

    from ingest.replay import ReplayReport
    from serving.asking import AnyRequest
    from serving.console.wire import Asked, Outcome

PROJECT = "tapehouse"
"""The name in Pulumi.yaml."""

_PYTHON = "/opt/venv/bin/python"
# A question may be a large one; Ctrl-C ends the waiting.
_QUESTION_SECONDS = 3600.0


class StackReach:
    """The stack of that name on the engine that the docker command talks to.

    `patience` bounds one question to a service, in seconds.
    """

    def __init__(
        self, stack: str, engine: Engine | None = None, patience: float = _QUESTION_SECONDS
    ) -> None:
        self._stack = stack
        self._engine = engine or Engine()
        self._patience = patience

    @property
    def has_feed(self) -> bool:
        return True

    @property
    def topic(self) -> str:
        return DEFAULT_TOPIC

    def containers(self) -> dict[str, Container]:
        """The stack's containers by service. Raises ServiceError when there is none."""
        found = self._engine.containers({PROJECT_LABEL: PROJECT, STACK_LABEL: self._stack})
        if not found:
            raise ServiceError(
                f"There is no container of the stack {self._stack} on this Docker Engine. Start it"
                " with `make up` (or `pulumi up`), name the right stack (`pulumi stack ls`), or"
                " point DOCKER_HOST at its engine."
            )
        return {container.service: container for container in found}

    def describe(self) -> Json:
        found = self.containers()
        page = found["dashboard"].published if "dashboard" in found else ()
        source = SIMULATOR if SIMULATOR in found else FeedKind.FINNHUB.value
        return {
            "stack": self._stack,
            "started_at": max(container.started_at for container in found.values()),
            "feed": source,
            "source": source,
            "dashboard": f"http://{page[0]}" if page else None,
            "services": {name: _shown(container) for name, container in found.items()},
        }

    def keeper_status(self) -> Json:
        done = self._run("stream", "streaming", "--status")
        status: Json = json.loads(done)
        return status

    def act(self, path: str, body: Json) -> Json:
        done = self._run("stream", "streaming", "--act", path, stdin=json.dumps(body).encode())
        outcome: Json = json.loads(done)
        return outcome

    def table(self, request: AnyRequest) -> pa.Table:
        # Heavy, and needed here alone.
        from infra.asking import ask_through  # noqa: PLC0415

        return ask_through(lambda text: self._run("dashboard", "serving", stdin=text), request)

    def ask_apart(self, asked: Asked) -> Outcome:
        # Heavy, and needed here alone.
        from serving.console.wire import Outcome  # noqa: PLC0415

        inside = _inside("serving.console", "--ask")
        done = self._engine.ask_in(self._container("console"), inside, asked.to_bytes())
        if done.returncode:
            raise error_of(done.returncode, done.stderr, "console")
        return Outcome.parse(done.stdout)

    def play(
        self,
        path: Path,
        speed: float | None,
        on_progress: Callable[[ReplayReport], None],
        stop: Event,
    ) -> ReplayReport:
        # Heavy, and needed here alone.
        from infra.piping import play_in  # noqa: PLC0415
        from ingest.piping import Piped  # noqa: PLC0415

        piped = Piped.of(path, speed)
        producer = self._container("producer")
        return play_in(
            self._engine, producer, _inside("ingest", "--replay", "-"), piped, on_progress, stop
        )

    def _run(self, service: str, *module: str, stdin: bytes = b"") -> bytes:
        container = self._container(service)
        done = self._engine.run_in(container, _inside(*module), stdin, self._patience)
        if done.returncode:
            raise error_of(done.returncode, done.stderr, service)
        return done.stdout

    def _container(self, service: str) -> str:
        """The name of a running container. Raises ServiceError."""
        container = self._known.get(service)
        if container is None:
            raise ServiceError(
                f"The stack {self._stack} has no container of {service}, which has to be asked."
                " `pulumi up` makes what is missing."
            )
        return container.name

    @cached_property
    def _known(self) -> dict[str, Container]:
        return self.containers()


def _inside(*module: str) -> tuple[str, ...]:
    return (*LAUNCHER, _PYTHON, "-m", *module)


def _shown(container: Container) -> Json:
    words = [container.health] if container.health else []
    if container.state == "exited":
        words.append(f"exit code {container.exit_code}")
    if container.restarts:
        words.append(f"{container.restarts} restarts")
    if container.state == "running":
        words.append(f"since {container.started_at[:19]}Z")
    done = container.job and container.is_good and container.state == "exited"
    return {
        "state": "done" if done else container.state,
        "pid": None,
        "detail": ", ".join(words),
        "well": container.is_good,
    }
