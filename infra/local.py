"""Runs services as local processes: starts them in order of their needs, watches, stops."""

import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Event

import psutil

from catalog.errors import ServiceError, kind_of
from catalog.logs import Redactor
from infra.files import write_private
from infra.health import Running
from infra.home import Home, Pid
from infra.service import Service, in_starting_order
from infra.supervision import State, Status, Supervisor, render

# Marks every process of a home, children's children too, so that none can be lost.
MARK = "TAPEHOUSE_SERVICE_OF"

_LEASH = Path(__file__).with_name("leash.py")
_POLL_SECONDS = 0.1
_WATCH_SECONDS = 1.0
_LAUNCH_SECONDS = 20.0
_START_SECONDS = 120.0
_FAILING_SECONDS = 8.0
_STOP_SECONDS = 20.0

# The only variables that pass from the user's shell to every service.
_INHERITED = (
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "NO_PROXY",
    "PATH",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "USER",
)


class LocalRunner:
    """The services of one home, as children of one supervisor, itself a child of this process.

    Should this process be killed, Linux tells the supervisor, which stops the services in order.
    """

    def __init__(
        self, home: Home, services: tuple[Service, ...], say: Callable[[str], None]
    ) -> None:
        self._home = home
        self._services = in_starting_order(services)
        self._say = say
        self._socket = home.socket_path()
        self._supervisor = Supervisor(self._socket, home.credentials.supervisor_password)
        self._process: subprocess.Popen[bytes] | None = None
        self._redact = Redactor(value for s in services for value in s.secrets.values())
        self._seen: dict[str, Status] = {}

    @property
    def supervisor_pid(self) -> Pid:
        """Of the supervisor, once `launch` has returned."""
        if self._process is None:
            raise RuntimeError("launch comes first")
        return Pid.of(self._process.pid)

    def launch(self, stop: Event) -> None:
        """Write every service's files and start the supervisor; no service runs yet."""
        for service in self._services:
            _write_files(service, self._home)
        configuration = self._home.services / "supervisor.conf"
        password = self._home.credentials.supervisor_password
        specs, logs = self._home.services, self._home.logs
        write_private(configuration, render(self._services, specs, logs, self._socket, password))
        Path(self._socket).unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)]
        spec = specs / "supervisord.json"
        write_private(spec, _leash_spec(command, _inherited(self._home), self._home.path, None))
        with (logs / "supervisord.out").open("wb") as out:
            # Its own session: Ctrl-C in the terminal reaches us alone, and we stop things in order.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LEASH), str(spec)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _LAUNCH_SECONDS
        while not (stop.is_set() or self._supervisor.answers()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(
                    "The process supervisor did not start. Its words:\n"
                    f"{self._tail('supervisord.out')}"
                )
            time.sleep(_POLL_SECONDS)

    def start(self, stop: Event) -> None:
        """Start all, each as soon as what it needs is ready; returns early when `stop` is set.

        Raises an error with the last lines of its log when a service cannot start: of the kind
        that its exit code tells where it is a module of ours, else ServiceError.
        """
        waiting = list(self._services)
        begun: dict[str, float] = {}
        ready: set[str] = set()
        present = {service.name for service in self._services}
        while len(ready) < len(self._services) and not stop.is_set():
            for service in [s for s in waiting if present.intersection(_awaited(s)) <= ready]:
                self._supervisor.start(service.name)
                begun[service.name] = time.monotonic()
                waiting.remove(service)
            self._seen = self._supervisor.statuses()
            for service in self._services:
                if service.name in begun and service.name not in ready:
                    seconds = time.monotonic() - begun[service.name]
                    if self._is_ready(service, seconds):
                        ready.add(service.name)
                        word = "done" if service.job else "ready"
                        self._say(f"  {service.name:<14} {word} in {seconds:4.1f} s")
            stop.wait(_POLL_SECONDS)

    def watch(self, stop: Event) -> None:
        """Until `stop` is set, say when a service ends or was started again."""
        while not stop.wait(_WATCH_SECONDS):
            statuses = self._supervisor.statuses()
            for service in self._services:
                now = statuses[service.name]
                if _is_between_lives(service, now):
                    continue
                message = _change(service, self._seen[service.name], now)
                self._seen[service.name] = now
                if message:
                    self._say(message)
                    if now.ended and now.exit_code:
                        self._say(self._tail(f"{service.name}.log"))

    def stop(self) -> float:
        """Stop all, dependents first, then the supervisor; returns the seconds it took.

        Whatever has not stopped in time is killed; when this returns no process is left.
        """
        begun = time.monotonic()
        if self._process and self._process.poll() is None:
            try:
                self._stop_services(begun + _STOP_SECONDS)
                self._supervisor.shutdown()
                self._process.wait(timeout=3)
            except (ServiceError, subprocess.TimeoutExpired):
                self._process.terminate()
        end_survivors(self._home, patience_seconds=2)
        if self._process:
            self._process.wait()
        for path in (path for service in self._services for path in service.litter):
            path.unlink(missing_ok=True)
        return time.monotonic() - begun

    def _stop_services(self, deadline: float) -> None:
        told: set[str] = set()
        while time.monotonic() < deadline:
            statuses = self._supervisor.statuses()
            alive = {name for name, status in statuses.items() if not status.ended}
            if not alive:
                return
            for service in self._services:
                needed_by = {s.name for s in self._services if service.name in s.needs}
                if service.name in alive - told and not needed_by & alive:
                    self._supervisor.stop(service.name)
                    told.add(service.name)
            time.sleep(_POLL_SECONDS)

    def _is_ready(self, service: Service, seconds: float) -> bool:
        status = self._seen[service.name]
        if service.job:
            if status.state is State.EXITED and status.exit_code == 0:
                return True
            hopeless = status.ended and seconds > _POLL_SECONDS
        else:
            # Where there is nothing to ask, staying up for a moment must do.
            asks = not isinstance(service.health, Running)
            up = {State.RUNNING, State.STARTING} if asks else {State.RUNNING}
            if status.state in up and service.health.passes():
                return True
            # Supervisor forgets the exit code of what ended at once, and tries again and again.
            hopeless = status.ended or (
                status.state is State.BACKOFF and seconds > _FAILING_SECONDS
            )
        if hopeless or seconds > _START_SECONDS:
            has_told = status.state is State.EXITED and service.command[0] == sys.executable
            kind = kind_of(status.exit_code) if has_told else None
            raise (kind or ServiceError)(
                f"{service.name} did not start ({status.detail or status.state.lower()}). The last"
                f" lines of {self._home.logs / service.name}.log:\n"
                f"{self._tail(f'{service.name}.log')}"
            )
        return False

    def _tail(self, name: str, lines: int = 6) -> str:
        try:
            with (self._home.logs / name).open(errors="replace") as file:
                last = deque(file, lines)
        except OSError:
            return "    (no log)"
        return self._redact("".join(f"    {line}" for line in last).rstrip("\n"))


def _awaited(service: Service) -> tuple[str, ...]:
    return service.needs if service.waits_for is None else service.waits_for


def end_survivors(home: Home, patience_seconds: float) -> int:
    """End every process that belongs to the home, kindly first; returns how many there were."""
    survivors = _survivors(home)
    for process in survivors:
        _signal(process.terminate)
    _, stubborn = psutil.wait_procs(survivors, timeout=patience_seconds)
    for process in stubborn:
        _signal(process.kill)
    psutil.wait_procs(stubborn, timeout=5)
    return len(survivors)


def _survivors(home: Home) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home.path):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _signal(action: Callable[[], None]) -> None:
    try:
        action()
    except psutil.NoSuchProcess:
        return


def _is_between_lives(service: Service, now: Status) -> bool:
    """Whether it has ended so lately that supervisor has not yet started it again."""
    is_for_good = service.job or now.exit_code in service.for_good
    return now.state is State.EXITED and not is_for_good


def _change(service: Service, before: Status, now: Status) -> str | None:
    if now.state is before.state and now.pid == before.pid:
        return None
    if now.pid and before.pid and now.pid != before.pid:
        return f"  {service.name} ended and was started again; its log says why"
    if now.state is State.BACKOFF and before.state is not State.BACKOFF:
        return f"  {service.name} ended ({_end(now)}) and is being started again"
    if now.state is State.EXITED and not now.exit_code:
        return f"  {service.name} has done its work; the rest goes on"
    if now.state is State.FATAL or (now.state is State.EXITED and now.exit_code):
        return f"  {service.name} ended for good ({_end(now)}); the rest goes on. Its last words:"
    return None


def _end(status: Status) -> str:
    return f"exit code {status.exit_code}" if status.exit_code >= 0 else "killed"


def _write_files(service: Service, home: Home) -> None:
    for folder in service.folders:
        folder.mkdir(parents=True, exist_ok=True)
    for file in service.files:
        write_private(file.path, file.text)
    environment = {**_inherited(home), **service.environment, **service.secrets}
    preparation = service.preparation
    prepare = (
        {"command": preparation.command, "creates": str(preparation.creates)}
        if preparation
        else None
    )
    spec = _leash_spec(service.command, environment, home.path, prepare)
    write_private(home.services / f"{service.name}.json", spec)


def _leash_spec(
    command: Iterable[str],
    environment: Mapping[str, str],
    folder: Path,
    prepare: Mapping[str, object] | None,
) -> str:
    return json.dumps(
        {
            "command": list(command),
            "environment": dict(environment),
            "folder": str(folder),
            "prepare": prepare,
        },
        indent=1,
    )


def _inherited(home: Home) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, MARK: str(home.path), "PYTHONUNBUFFERED": "1"}
