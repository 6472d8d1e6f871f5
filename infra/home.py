"""A home: the folder that holds one running instance's data, credentials, ports and logs."""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import psutil

from catalog.errors import ServiceError, SettingsError
from infra.credentials import Credentials
from infra.files import write_private
from infra.ports import ensure_ports
from infra.services import PORTS


@dataclass(frozen=True, slots=True)
class Pid:
    """A process that cannot be mistaken for another that got its number later."""

    number: int
    born: float

    @classmethod
    def of(cls, number: int) -> "Pid":
        """That of a living process."""
        return cls(number, psutil.Process(number).create_time())

    def process(self) -> psutil.Process | None:
        """The process, while it lives."""
        try:
            process = psutil.Process(self.number)
            # The clock's steps move both alike; a hundredth of a second tells tenants apart.
            alive = abs(process.create_time() - self.born) < 0.01  # noqa: PLR2004
            return process if alive and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True, slots=True)
class Run:
    """What other commands must know of the instance that runs in a home."""

    runner: Pid
    supervisor: Pid
    started_at: str
    feed: str
    source: str
    dashboard: str | None

    @classmethod
    def parse(cls, text: str) -> "Run":
        """The inverse of `to_json`."""
        fields = json.loads(text)
        runner, supervisor = (Pid(**fields.pop(name)) for name in ("runner", "supervisor"))
        return cls(runner, supervisor, **fields)

    def to_json(self) -> str:
        """As it stands in the home."""
        return json.dumps(asdict(self), indent=1)


class Home:
    """The folder and its files; made on first use."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.services = self.path / "services"
        self._run_file = self.path / "run.json"

    def ensure(self) -> None:
        """Make the folder, its owner's alone."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for folder in (self.logs, self.services):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The home {self.path} cannot be made: {error.strerror}. Choose another: --home."
            ) from error

    def check_writable(self) -> None:
        """Raise SettingsError when the home could not be made or written here; makes nothing."""
        nearest = next(path for path in (self.path, *self.path.parents) if path.exists())
        if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
            raise SettingsError(f"{nearest} cannot be written. Choose another home with --home.")

    @cached_property
    def credentials(self) -> Credentials:
        """Generated at the first start."""
        return Credentials.ensure(self.path / "credentials.json")

    @cached_property
    def ports(self) -> dict[str, int]:
        """Those of a running instance, as they are remembered."""
        ports: dict[str, int] = json.loads((self.path / "ports.json").read_text())
        return ports

    def ensure_ports(self) -> None:
        """Settle each service's port before a start; nothing of this home may run."""
        self.ports = ensure_ports(self.path / "ports.json", PORTS)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home while an instance runs in it; the kernel lets go when the holder dies."""
        with (self.path / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ServiceError(
                    f"An instance already runs in {self.path}. Stop it with Ctrl-C where it was"
                    " started, or give another home with --home. `tapehouse status` shows it."
                ) from None
            yield

    def write_run(self, run: Run | None) -> None:
        """Say what runs here now; None: nothing."""
        if run is None:
            self._run_file.unlink(missing_ok=True)
        else:
            write_private(self._run_file, run.to_json())

    def last_run(self) -> Run | None:
        """What was started here last and not stopped in order; it may be dead."""
        try:
            return Run.parse(self._run_file.read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, KeyError):
            self._run_file.unlink(missing_ok=True)
            return None

    def running(self) -> Run:
        """The instance that runs here. Raises ServiceError when there is none."""
        run = self.last_run()
        if run is None or run.runner.process() is None:
            raise ServiceError(
                f"Nothing runs in {self.path}. Start it with `tapehouse run` (or `make demo`), or"
                " name the right home with --home."
            )
        return run

    def socket_path(self) -> str:
        """Where the supervisor listens: in the home, or where its path is too long for a socket."""
        path = str(self.path / "supervisor.sock")
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"tapehouse-{os.getuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise SettingsError(f"{folder} is another user's. Use a home with a shorter path.")
        return str(folder / "supervisor.sock")


_LONGEST_SOCKET_PATH = 90  # Linux allows 107 bytes; supervisor adds its pid while it binds
