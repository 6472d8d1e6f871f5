"""Trade received -> a DuckDB reader sees it, with everything running: the figure users feel."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from catalog.settings import environment_of
from tests.bench.figures import Figure, percentile
from tests.support.browser import CHROMIUM_FLAGS, find_chromium
from tests.support.instance import Instance

RATE = 200
# Java compiles its hot code for some minutes; a system left running is past that.
SETTLE_SECONDS = 300
TARGETS = {1: ("<= 1.0", "<= 1.6"), 2: ("<= 1.6", "<= 2.7")}


def measure(home: Path, trigger_seconds: int, minutes: float) -> list[Figure]:
    """One run: 200 trades/s of seven symbols, care, the dashboard, one browser, one reader."""
    options = ("--feed", "simulator", "--rate", str(RATE), "--trigger", str(trigger_seconds))
    instance = Instance(home, (*options, "--port", "0"))
    instance.start()
    try:
        with _browser(instance.dashboard_url()):
            time.sleep(SETTLE_SECONDS)
            ages = _read(instance, minutes * 60)
    finally:
        instance.stop()
    bench = f"freshness, {trigger_seconds} s trigger"
    p50, p99 = TARGETS.get(trigger_seconds, ("", ""))
    return [
        Figure(bench, "p50", percentile(ages, 0.50), "s", len(ages), p50),
        Figure(bench, "p95", percentile(ages, 0.95), "s", len(ages)),
        Figure(bench, "p99", percentile(ages, 0.99), "s", len(ages), p99),
        Figure(bench, "max", max(ages), "s", len(ages)),
    ]


def _read(instance: Instance, seconds: float) -> list[float]:
    """Ages in seconds at first sight of every trade that a reader saw in that time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.reader"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment_of(instance.lake_settings())},
    )
    stop = threading.Timer(seconds, process.terminate)
    assert process.stdout is not None
    ready = process.stdout.readline()
    assert ready == "ready\n", "the reader did not start"
    stop.start()
    ages = []
    for line in process.stdout:
        if not line.endswith("\n"):
            break
        seen_at, received = json.loads(line)
        ages += [(seen_at - received_at) / 1e6 for received_at in received]
    assert process.wait() in {0, -signal.SIGTERM}, "the reader missed a trade"
    assert ages, "the reader saw no trade"
    return ages


@contextmanager
def _browser(url: str) -> Iterator[None]:
    """Chromium with the dashboard's page open."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(CHROMIUM_FLAGS)
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        yield
        browser.close()
