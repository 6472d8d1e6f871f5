"""How long a start takes, and how much memory the whole system holds at rest."""

import shutil
import time
from pathlib import Path

from tests.bench.figures import Figure, percentile
from tests.support.instance import Instance

WARM_RUNS = 3
REST_SECONDS = 90


def measure(home: Path) -> list[Figure]:
    """Starts until a simulated trade is in the table; memory with no feed, everything else on."""
    demo = Instance(home, ("--feed", "simulator", "--port", "0"))
    cold, *warm = [_start(demo) for _ in range(1 + WARM_RUNS)]
    shutil.rmtree(home)
    rest = Instance(home, ("--feed", "none", "--port", "0"))
    rest.start()
    try:
        time.sleep(REST_SECONDS)
        family = [rest.psutil_process(), *rest.psutil_process().children(recursive=True)]
        memory = sum(process.memory_info().rss for process in family) / 1e9
    finally:
        rest.stop()
    return [
        Figure("start", "cold (empty home) until a trade is stored", cold, "s", 1, "<= 60"),
        Figure("start", "warm, median", percentile(warm, 0.5), "s", WARM_RUNS, "<= 30"),
        Figure("rest", "RSS of all processes", memory, "GB", len(family), "<= 2.5"),
    ]


def _start(instance: Instance) -> float:
    started = time.monotonic()
    instance.start()
    seconds = time.monotonic() - started
    instance.stop()
    return seconds
