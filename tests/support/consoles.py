"""What the console's tests share: a question without an end, and when its process is there."""

import time
from pathlib import Path

from serving.console.console import Console

ENDLESS = "SELECT count(*) FROM range(1000000000000) t(i) WHERE i % 3 = 1"


def until_running(console: Console, user: str) -> int:
    """Wait until the user's question has a process that is ready; returns its number."""
    deadline = time.monotonic() + 30
    while (runner := console._running.get(user)) is None or not runner._ready:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return runner.pid


def until_free(console: Console, user: str) -> None:
    """Wait until nothing runs for the user any more."""
    deadline = time.monotonic() + 30
    while user in console._running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_there(pid: int | str) -> bool:
    return Path(f"/proc/{pid}").exists()
