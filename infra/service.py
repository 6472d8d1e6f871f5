"""What a service is, and what a site is: the types behind `infra/services.py`.

A `Site` says where the services run (addresses, ports, folders, commands); the same descriptions
serve local processes and containers, each with its own site.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.health import Check

# Docker networks, and whether each is internal: closed to the world outside the engine.
NETWORKS: Mapping[str, bool] = {
    "ingest": False,
    "data": True,
    "catalog": True,
    # The keeper and who may ask it.
    "keeper": True,
    "view": False,
    # Where people's SQL runs.
    "query": True,
    # Only there when asked for: where a console's port is open, and what the internal ones are when
    # some role is external: with a way out.
    "consoles": False,
    "data-out": False,
    "catalog-out": False,
    "query-out": False,
}


@dataclass(frozen=True, slots=True)
class File:
    """A file that must be there before the service starts; its text may hold secrets."""

    path: Path
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Preparation:
    """A command to run before the service's own, unless the file that it creates is there."""

    command: tuple[str, ...]
    creates: Path


@dataclass(frozen=True, slots=True)
class Service:
    """One process and all that a runner must know about it.

    `secrets` are environment variables whose values must never be shown. A `job` runs to its end
    and is done when that was good. `for_good` lists exit codes after which starting again cannot
    help. It stops before all that it `needs`, and starts after them too, unless `waits_for` names
    fewer. `grace_seconds` is how long it may take to stop before it is killed. `litter` are files
    elsewhere that it leaves behind.

    The rest matters in containers alone. `image` is a target of infra/images/Dockerfile, or a third
    party's image by digest; `networks` are names of `NETWORKS`; `probe` is a command that exits
    with 0, inside the container, when the service is healthy (none for a job); `publishes` maps its
    ports to the host's; `scratch_mb` bounds /tmp, and counts into its memory; `scratch_exec` lets
    code run from there, where a JVM unpacks its native libraries; `role` is the name under which
    the config sets its memory, its own unless given.
    """

    name: str
    command: tuple[str, ...]
    health: Check
    memory_mb: int
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[File, ...] = ()
    folders: tuple[Path, ...] = ()
    ports: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] | None = None
    preparation: Preparation | None = None
    job: bool = False
    for_good: tuple[int, ...] = (2,)
    grace_seconds: int = 5
    litter: tuple[Path, ...] = ()
    image: str = ""
    networks: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()
    publishes: Mapping[int, int] = field(default_factory=dict)
    scratch_mb: int = 32
    scratch_exec: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """Where services run. `data` holds a folder for each service that keeps something.

    `files` is where a service's `File`s go; None: into its folder in `data`. `memory` holds the
    megabytes of the roles that shall have others than their own. `spark` is Spark's home, where a
    cluster's servers are run.
    """

    python: str
    java: str
    weed: str
    jars: Path
    data: Path
    ports: Mapping[str, int]
    hosts: Mapping[str, str] = field(default_factory=dict)
    bind: str = "127.0.0.1"
    files: Path | None = None
    memory: Mapping[str, int] = field(default_factory=dict)
    spark: Path | None = None

    def address(self, port_name: str) -> str:
        """`host:port` at which others reach it."""
        host = self.hosts.get(port_name.split(".", maxsplit=1)[0], self.bind)
        return f"{host}:{self.ports[port_name]}"

    def files_of(self, name: str) -> Path:
        """Where the files of the service go."""
        return self.files or self.data / name

    def url(self, port_name: str) -> str:
        """The same as an HTTP address."""
        return f"http://{self.address(port_name)}"

    def loopback_url(self, port_name: str) -> str:
        """The address at which the service reaches itself."""
        return f"http://127.0.0.1:{self.ports[port_name]}"


def in_starting_order(services: tuple[Service, ...]) -> list[Service]:
    """The services so that each stands after those it needs; ties keep the order given."""
    ordered: list[Service] = []
    waiting = list(services)
    present = {service.name for service in services}
    while waiting:
        done = {service.name for service in ordered}
        ready = [s for s in waiting if present.intersection(s.needs) <= done]
        if not ready:
            raise ValueError(f"services need each other in a circle: {[s.name for s in waiting]}")
        ordered.extend(ready)
        waiting = [service for service in waiting if service not in ready]
    return ordered
