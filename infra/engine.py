"""The containers of a stack, through the `docker` command: found by label, looked into, entered.

The command and not its HTTP interface, because it knows every way to reach an engine (socket, TLS,
`ssh://`, contexts) and is there wherever Pulumi's provider can work at all.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Self, cast

from catalog.errors import InstallError, ServiceError

PROJECT_LABEL = "dev.tapehouse.project"
STACK_LABEL = "dev.tapehouse.stack"
SERVICE_LABEL = "dev.tapehouse.service"

# What the launcher needs to give a command inside a container the service's own secrets.
LAUNCHER = ("python3", "-I", "-S", "/opt/tapehouse/launch.py")

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Container:
    """One container as the engine sees it.

    `health` is healthy, unhealthy, starting, or empty where nothing is checked. `published` holds
    the host's addresses. A `job` is never started again by the engine.
    """

    id: str
    name: str
    project: str
    stack: str
    service: str
    state: str
    health: str
    exit_code: int
    started_at: str
    restarts: int
    job: bool
    published: tuple[str, ...]
    memory_bytes: int

    @classmethod
    def parse(cls, found: Mapping[str, Any]) -> Self:
        """From one element of what `docker inspect` prints."""
        state, host = found["State"], found["HostConfig"]
        labels = found["Config"]["Labels"] or {}
        bound = (found["NetworkSettings"]["Ports"] or {}).values()
        return cls(
            id=found["Id"],
            name=found["Name"].lstrip("/"),
            project=labels.get(PROJECT_LABEL, ""),
            stack=labels.get(STACK_LABEL, ""),
            service=labels.get(SERVICE_LABEL, ""),
            state=state["Status"],
            health=_health(state),
            exit_code=state["ExitCode"],
            started_at=state["StartedAt"],
            restarts=found["RestartCount"],
            job=host["RestartPolicy"]["Name"] in {"", "no"},
            published=tuple(
                sorted(f"{one['HostIp']}:{one['HostPort']}" for each in bound for one in each or ())
            ),
            memory_bytes=host["Memory"],
        )

    @property
    def is_good(self) -> bool:
        """A service that is up and, where that is checked, healthy; a job that ended well."""
        if self.job and self.state == "exited":
            return self.exit_code == 0
        return self.state == "running" and self.health in {"healthy", ""}


class Engine:
    """A Docker Engine; `host` as `docker -H` takes it, by default what the environment says."""

    def __init__(self, host: str = "") -> None:
        self._host = host

    def version(self) -> str:
        """That of the engine. Raises InstallError without a docker command, else ServiceError."""
        return self._ask("version", "--format", "{{.Server.Version}}").strip()

    def address(self) -> str:
        """As others take it: that of the environment or of the docker command's own context."""
        form = "{{.Endpoints.docker.Host}}"
        return self._host or self._ask("context", "inspect", "--format", form).strip()

    def memory_bytes(self) -> int:
        """What the engine's machine has in all."""
        return int(self._ask("info", "--format", "{{.MemTotal}}"))

    def containers(self, labels: Mapping[str, str]) -> tuple[Container, ...]:
        """Those with all the labels, running or not, by the order in which they were made."""
        filters = [f"--filter=label={name}={value}" for name, value in labels.items()]
        ids = self._ask("ps", "--all", "--quiet", "--no-trunc", *filters).split()
        found = sorted(self.inspect(*ids), key=lambda one: str(one["Created"]))
        return tuple(Container.parse(one) for one in found)

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        """All that the engine knows of the containers; those that are gone meanwhile are left out.

        Raises ServiceError when the engine does not answer.
        """
        if not names:
            return []
        done = self._run("inspect", "--type=container", *names)
        if done.returncode and b"No such" not in done.stderr:
            raise _failure(done.stderr.decode(errors="replace"))
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        return found

    def logs(self, name: str, lines: int = 20) -> str:
        """A container's last lines, of both its outputs, oldest first; empty when it is gone."""
        done = subprocess.run(
            [*self._command(), "logs", f"--tail={lines}", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        return "" if done.returncode else done.stdout.decode(errors="replace")

    def run_in(
        self,
        name: str,
        command: Sequence[str],
        stdin: bytes = b"",
        seconds: float = _PATIENCE_SECONDS,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a container, as its user; the result is the caller's to judge."""
        return self._run("exec", "--interactive", name, *command, stdin=stdin, seconds=seconds)

    def ask_in(
        self, name: str, command: Sequence[str], question: bytes
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command that answers one line; its input stays open until it has ended.

        So it can tell that nobody waits any more: Ctrl-C here closes it.
        """
        with tempfile.TemporaryFile() as errors:
            with self.open_in(name, command, errors.fileno()) as process:
                into, out = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
                into.write(question + b"\n")
                into.flush()
                answer = out.read()
            errors.seek(0)
            return subprocess.CompletedProcess(command, process.returncode, answer, errors.read())

    def open_in(self, name: str, command: Sequence[str], stderr: int) -> subprocess.Popen[bytes]:
        """Start a command in a container with pipes to and from it. Ctrl-C does not reach it."""
        return subprocess.Popen(
            [*self._command(), "exec", "--interactive", name, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )

    def _ask(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise _failure(done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def _run(
        self, *arguments: str, stdin: bytes = b"", seconds: float = _PATIENCE_SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [*self._command(), *arguments],
                input=stdin,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _failure(f"no answer within {seconds:.0f} s") from error

    def _command(self) -> list[str]:
        docker = shutil.which("docker")
        if docker is None:
            raise InstallError(
                "There is no docker command on the PATH: install Docker's command line, which talks"
                " to the engine that runs the stack (the engine itself may be elsewhere:"
                " DOCKER_HOST)."
            )
        return [docker, *(("-H", self._host) if self._host else ())]


def _health(state: Mapping[str, Any]) -> str:
    # What has ended keeps the last word about it, which then means nothing.
    known = (state.get("Health") or {}).get("Status", "") if state["Status"] == "running" else ""
    return "" if known == "none" else str(known)


def _failure(problem: str) -> ServiceError:
    return ServiceError(
        f"The Docker Engine does not answer as it should: {problem.strip()}. Is it running, may you"
        " use it, and does DOCKER_HOST (or `docker context`) name the right one?"
    )
