"""A real instance of Tapehouse, started and driven the way a user does it: by the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

TAPEHOUSE = Path(sys.executable).with_name("tapehouse")


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll `condition` until it is true; TimeoutError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.1)
    return found


@dataclass
class Instance:
    """One running home, driven by the command line alone."""

    home: Path
    arguments: tuple[str, ...]
    process: subprocess.Popen[str] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        log = (self.home.parent / f"{self.home.name}-run.log").open("a")
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
            self.stop()
            sys.stderr.write(Path(log.name).read_text()[-4000:])
            raise

    def stop(self) -> int:
        """Ctrl-C, as a user stops it; returns the exit code."""
        if self.process is None:
            return 0
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=60)
        finally:
            self.process.kill()
            for child in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process = None
        return code

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
