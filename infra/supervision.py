"""Supervisor as a library: its configuration from our services, its XML-RPC on a socket."""

import http.client
import shlex
import sys
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from catalog.errors import ServiceError
from infra.service import Service

_LEASH = Path(__file__).with_name("leash.py")
_USER = "tapehouse"

# The wait between failed starts grows by a second each time, so this is half an hour of trying.
_START_RETRIES = 60
# A process that ends sooner than this after its start counts as a failed start.
_START_SECONDS = 1


class State(StrEnum):
    """Supervisor's process states."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    STOPPING = "STOPPING"
    EXITED = "EXITED"
    FATAL = "FATAL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Status:
    """One service as supervisor sees it; `exit_code` is that of its last end, -1 for a signal."""

    name: str
    state: State
    pid: int
    exit_code: int
    started_at: int
    detail: str

    @property
    def ended(self) -> bool:
        """Not running, and not about to be."""
        return self.state in {State.STOPPED, State.EXITED, State.FATAL}

    @property
    def is_well(self) -> bool:
        """Running, about to, stopped by someone, or done with nothing wrong."""
        if self.state is State.EXITED:
            return self.exit_code == 0
        return self.state not in {State.BACKOFF, State.FATAL, State.UNKNOWN}


def render(services: Iterable[Service], specs: Path, logs: Path, socket: str, password: str) -> str:
    """Supervisor's configuration. Holds the socket's password: write it privately."""
    head = f"""\
[supervisord]
nodaemon=true
silent=true
logfile={_quoted(logs / "supervisor.log")}
logfile_maxbytes=5MB
logfile_backups=1
pidfile={_quoted(specs / "supervisord.pid")}
childlogdir={_quoted(logs)}

[unix_http_server]
file={_quoted(socket)}
chmod=0600
username={_USER}
password={password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(
        _program(service, place, specs, logs) for place, service in enumerate(services, start=1)
    )


def _program(service: Service, place: int, specs: Path, logs: Path) -> str:
    # No command, secret or variable stands here: the leash reads them from the service's own file.
    spec = specs / f"{service.name}.json"
    command = shlex.join([sys.executable, "-I", "-S", str(_LEASH), str(spec)])
    return f"""
[program:{service.name}]
command={_quoted(command)}
priority={place}
autostart=false
autorestart={"false" if service.job else "unexpected"}
exitcodes={"0" if service.job else ",".join(map(str, service.for_good))}
startsecs={0 if service.job else _START_SECONDS}
startretries={_START_RETRIES}
stopsignal=TERM
stopwaitsecs={service.grace_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={_quoted(logs / f"{service.name}.log")}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def _quoted(value: object) -> str:
    return str(value).replace("%", "%%")


class Supervisor:
    """The running supervisor. Not for use from several threads."""

    def __init__(self, socket: str, password: str) -> None:
        self._address = f"unix://{socket}"
        self._password = password

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            self._call("getState")
        except ServiceError:
            return False
        return True

    def statuses(self) -> dict[str, Status]:
        """Each service by name, in the order of their starts."""
        infos = self._call("getAllProcessInfo")
        return {
            str(info["name"]): Status(
                name=str(info["name"]),
                state=State(info["statename"]),
                pid=int(info["pid"]),
                exit_code=int(info["exitstatus"]),
                started_at=int(info["start"]),
                detail=str(info["description"]),
            )
            for info in infos
        }

    def start(self, name: str) -> None:
        """Begin to start a service; does not wait."""
        self._call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Begin to stop a service; does not wait; nothing happens when it is stopped already."""
        try:
            self._call("stopProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise

    def shutdown(self) -> None:
        """End supervisor itself, and whatever still runs."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: object) -> Any:
        # A connection for each call: one that broke would stay so for ever.
        transport = SupervisorTransport(_USER, self._password, self._address)
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise ServiceError(
                "The process supervisor does not answer; it may have been killed. The services end"
                " with it. Start again with `tapehouse run`."
            ) from error
        finally:
            transport.close()
