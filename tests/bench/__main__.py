"""`make bench`: every figure that the documentation claims, measured on this machine."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tests.bench import footprint, freshness, screen, stack, throughput, travel
from tests.bench.figures import Figure, report

ROOT = Path(__file__).parent.parent.parent
DAY = "us-equities-2013-10-07.frames.jsonl.zst"
BENCHES = ("throughput", "footprint", "travel", "screen", "freshness")
# Measured when it is named: it needs a Docker Engine and the Pulumi command.
STACK = "stack"
FRESHNESS_MINUTES, SCREEN_MINUTES = 20.0, 30.0


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join((*BENCHES, STACK))}.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Length of each freshness run (20), of the screen's (30).")
    ] = None,
    trigger: Annotated[list[int] | None, typer.Option(help="Triggers to try, in s.")] = None,
) -> None:
    """Measure, print a table, write JSON under .tapehouse/bench."""
    data = Path(os.environ.get("TAPEHOUSE_TEST_DATA", ROOT.parent / "shared" / "data"))
    figures: list[Figure] = []
    results = ROOT / ".tapehouse" / "bench"
    with tempfile.TemporaryDirectory(prefix="tapehouse-bench-") as scratch:
        for bench in only or BENCHES:
            sys.stderr.write(f"measuring {bench} ...\n")
            home = Path(scratch) / bench
            if bench == "throughput":
                figures += throughput.measure(home, data / DAY)
            elif bench == "footprint":
                figures += footprint.measure(home)
            elif bench == "travel":
                figures += travel.measure(home, data / DAY)
            elif bench == "screen":
                figures += screen.measure(home, data / DAY, minutes or SCREEN_MINUTES, results)
            elif bench == STACK:
                figures += stack.measure(home)
            else:
                for seconds in trigger or [1, 2, 5]:
                    length = minutes or FRESHNESS_MINUTES
                    sys.stderr.write(f"  trigger {seconds} s, {length:g} minutes ...\n")
                    figures += freshness.measure(Path(f"{home}-{seconds}"), seconds, length)
    path = report(figures, results)
    sys.stdout.write(f"written to {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    typer.run(main)
