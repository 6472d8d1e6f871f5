"""A dashboard over a real lake, and Chromium to look at it.

`dashboard_url` and `send_trade` are all that the tests know of what lies underneath.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from catalog.settings import environment_of
from serving.settings import streamlit_command
from tests.support.browser import CHROMIUM_FLAGS, find_chromium
from tests.support.instance import Instance
from tests.support.local_lake import LocalLake, Row, free_ports, local_lake
from tests.support.site import Site

# Slow machines are slow; nothing here is a test of speed.
_PATIENCE_MS = 60_000
expect.set_options(timeout=_PATIENCE_MS)

# A hundred updates one after another should not take a hundred seconds.
_QUICK = {
    "TAPEHOUSE_DASHBOARD_POLL_SECONDS": "0.1",
    "TAPEHOUSE_DASHBOARD_REFRESH_SECONDS": "0.25",
}

SendTrade = Callable[[str, float], None]


@pytest.fixture(scope="session")
def browser_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("browser") / "weed") as lake:
        yield lake


@pytest.fixture(scope="session")
def dashboard_url(
    browser_lake: LocalLake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A running dashboard that has trades of AAPL to show."""
    folder = tmp_path_factory.mktemp("dashboard")
    now = time.time_ns() // 1000
    minute = 60_000_000
    browser_lake.append(
        [Row("AAPL", now - i * minute, 229 + i % 9 / 10, 100.0, (1,)) for i in range(300, 0, -1)]
    )
    (port,) = free_ports(1)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *streamlit_command(port)],
            env=os.environ | environment_of(browser_lake.settings) | _QUICK,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def send_trade(browser_lake: LocalLake) -> SendTrade:
    """Put one trade, made now, into the lake."""

    def send(symbol: str, price: float) -> None:
        browser_lake.append([Row(symbol, time.time_ns() // 1000, price, 1.0, (1,))])

    return send


@pytest.fixture(scope="session")
def site(instance: Instance) -> Site:
    """The dashboard of the shared instance, which has at least one trade of AAPL."""
    one = Site(instance)
    one.send("AAPL", 229.5)
    return one


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(CHROMIUM_FLAGS)
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page 1280 x 800; the test fails when it logs an error or asks or calls any other host."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(_PATIENCE_MS)
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(f"error: {error}"))

    def hear(message: ConsoleMessage) -> None:
        # Streamlit asks below the page's own path first whether it is served from there.
        is_probe = "404" in message.text and "/_stcore/" in message.location.get("url", "")
        if message.type == "error" and not is_probe:
            problems.append(message.text)

    opened.on("console", hear)

    def check(url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            problems.append(f"left the machine: {url}")

    opened.on("request", lambda request: check(request.url))
    # No request in Playwright's eyes.
    opened.on("websocket", lambda socket: check(socket.url))
    yield opened
    context.close()
    assert problems == []


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the dashboard did not start:\n{log.read_text()[-3000:]}")
