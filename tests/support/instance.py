"""A real instance of Tapehouse, started and driven the way a user does it: by the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pyarrow as pa

from catalog.settings import BrokerSettings, LakeSettings, Settings
from infra.home import Home
from infra.supervision import State, Supervisor
from serving import Lake
from streaming.settings import StreamingSettings

AnySettings = TypeVar("AnySettings", bound=Settings)

ROOT = Path(__file__).parent.parent.parent
TAPEHOUSE = Path(sys.executable).with_name("tapehouse")


def wait_until(condition: Callable[[], Any], seconds: float, what: str, every: float = 0.1) -> Any:
    """Poll `condition` until it is true; TimeoutError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)
    return found


def to_tuples(table: pa.Table) -> list[tuple[Any, ...]]:
    """The table's rows."""
    return list(zip(*table.to_pydict().values(), strict=True))


@dataclass
class Instance:
    """One running home, driven by the command line alone."""

    home: Path
    arguments: tuple[str, ...]
    process: subprocess.Popen[str] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """What the command has said, over all starts."""
        return self.home.parent / f"{self.home.name}-run.log"

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [TAPEHOUSE, "run", "--home", self.home, *self.arguments],
                cwd=self.home.parent,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        try:
            self.cli("status", "--wait", timeout=180)
        except BaseException:
            self._end()
            sys.stderr.write(self.log.read_text()[-4000:])
            raise

    def stop(self) -> None:
        """Ctrl-C, as a user stops it; it must end well and leave no process behind."""
        code, left = self._end()
        assert code == 0, f"{code} after Ctrl-C:\n{self.log.read_text()[-4000:]}"
        assert not left, left

    def _end(self) -> tuple[int, list[str]]:
        """Ctrl-C, then the exit code and what is still there; that is killed."""
        if self.process is None:
            return 0, []
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=60)
            left = [shown for shown in map(_shown, family) if shown]
        finally:
            self.process.kill()
            for child in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process = None
        return code, left

    def cli(self, *arguments: str, timeout: float = 300, check: bool = True) -> str:
        """Run `tapehouse` beside the instance; returns its standard output."""
        done = subprocess.run(
            [TAPEHOUSE, *arguments, "--home", self.home],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.home.parent,
            env={**os.environ, **self.environment},
        )
        if check and done.returncode:
            raise AssertionError(
                f"tapehouse {' '.join(arguments)}: {done.returncode}\n{done.stderr[-3000:]}"
            )
        return done.stdout

    def sql(self, text: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.cli("sql", text, "--format", "json"))
        return rows

    def pid(self, service: str) -> int | None:
        """The service's process, while it runs."""
        status = self._supervisor().statuses()[service]
        return status.pid if status.state is State.RUNNING else None

    def stop_service(self, service: str) -> None:
        """Stop one service in order; does nothing when it has ended already."""
        supervisor = self._supervisor()
        if not supervisor.statuses()[service].ended:
            supervisor.stop(service)
        wait_until(lambda: supervisor.statuses()[service].ended, 30, f"{service} to stop")

    def start_service(self, service: str) -> None:
        """Start one service again and wait until its process runs."""
        self._supervisor().start(service)
        wait_until(lambda: self.pid(service), 30, f"{service} to run")

    def dashboard_url(self) -> str:
        url = Home(self.home).running().dashboard
        assert url
        return url

    def psutil_process(self) -> psutil.Process:
        assert self.process
        return psutil.Process(self.process.pid)

    def _supervisor(self) -> Supervisor:
        home = Home(self.home)
        return Supervisor(home.socket_path(), home.credentials.supervisor_password)

    def lake_settings(self) -> LakeSettings:
        return _settings(LakeSettings, self._spec("stream")["environment"])

    def broker_settings(self) -> BrokerSettings:
        return _settings(BrokerSettings, self._spec("stream")["environment"])

    def streaming_settings(self) -> StreamingSettings:
        return _settings(StreamingSettings, self._spec("stream")["environment"])

    def checkpoint(self) -> Path:
        """The checkpoint of the stream of trades."""
        return self.streaming_settings().checkpoint / "trades"

    def lake_rows(self, query: str) -> list[tuple[Any, ...]]:
        """The same as `sql`, in this process: for many or large answers."""
        with Lake.open(self.lake_settings()) as lake:
            return to_tuples(lake.sql(query))

    def spark_rows(self, query: str) -> list[tuple[Any, ...]]:
        """What Spark answers, in a process of its own; the tables are `lake.market.*`."""
        path = self.home.parent / "answer.arrow"
        subprocess.run(
            [sys.executable, "-m", "tests.support.spark_query", query, path],
            env={**self._spec("stream")["environment"], "PYTHONPATH": str(ROOT)},
            cwd=self.home.parent,
            check=True,
            timeout=180,
        )
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
            return to_tuples(reader.read_all())

    @contextlib.contextmanager
    def stream_process(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The streaming job as the instance would start it, but ours; stopped at the end."""
        spec = self._spec("stream")
        with subprocess.Popen(
            [*spec["command"], *arguments],
            env=spec["environment"],
            cwd=spec["folder"],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()

    def _spec(self, service: str) -> dict[str, Any]:
        path = self.home / "services" / f"{service}.json"
        spec: dict[str, Any] = json.loads(path.read_text())
        return spec


def _shown(process: psutil.Process) -> str | None:
    """The process in words, while it lives."""
    try:
        # The kernel's note of an end that nobody has read yet is no process.
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    except psutil.NoSuchProcess:
        return None


def _settings(group: type[AnySettings], environment: dict[str, str]) -> AnySettings:
    aliases = {field.alias for field in group.model_fields.values()}
    return group.read(**{name: text for name, text in environment.items() if name in aliases})
