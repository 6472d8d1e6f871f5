"""How long a stack takes from nothing to its first trade, once the images are built."""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Figure
from tests.support.images import built_images, images_to_start_from
from tests.support.instance import wait_until
from tests.support.local_lake import free_ports
from tests.support.stack import Stack, copy_project, running

RUNS = 2


def measure(home: Path) -> list[Figure]:
    """Stacks one after another, each with every default; needs an engine and the Pulumi command."""
    config = images_to_start_from()
    with built_images(_stack(home, "images", config)):
        runs = [_up(_stack(home, f"run-{number}", config)) for number in range(RUNS)]
    return [
        Figure(
            "stack",
            "first trade in the table, slowest",
            max(a for a, _ in runs),
            "s",
            RUNS,
            "<= 120",
        ),
        Figure("stack", "until `up` is done, slowest", max(b for _, b in runs), "s", RUNS),
    ]


def _stack(home: Path, name: str, config: Mapping[str, str]) -> Stack:
    folder = home / name
    (port,) = free_ports(1)
    return Stack(
        name=f"bench-{name}-{os.getpid()}",
        project=copy_project(folder / "project"),
        home=folder / "pulumi",
        config={"dashboardPort": str(port), "patienceSeconds": "420", **config},
    )


def _up(stack: Stack) -> tuple[float, float]:
    """Seconds until the first trade was committed, and until the command had ended."""
    begun, started = datetime.now(UTC), time.monotonic()
    with running(stack):
        done = time.monotonic() - started
        wait_until(stack.count, 300, "a trade in the table", every=1)
        kept = json.loads(stack.cli("snapshots", "--format", "json").out)
        first = next(one["committed_at"] for one in kept if one["total_rows"])
    return (datetime.fromisoformat(first) - begun).total_seconds(), done
