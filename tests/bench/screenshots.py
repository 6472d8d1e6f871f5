"""`python -m tests.bench.screenshots`: every page, live and as of a past moment, in two sizes.

The recorded trading day, moved so that it goes on while the pictures are taken, runs through the
whole path: what came before plays as fast as it goes, the rest at the speed of the clock.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Browser, Page, sync_playwright

from ingest.frame import Frame
from ingest.recording import open_writer, read_recording
from serving.view import PageName
from tests.support.browser import CHROMIUM_FLAGS, find_chromium
from tests.support.instance import TAPEHOUSE, Instance, wait_until
from tests.support.recordings import DAY
from tests.support.site import visit

ROOT = Path(__file__).parent.parent.parent
SCREENS = ROOT / "docs" / "screens"
SIZES = {"1280": (1280, 800), "390": (390, 844)}
QUESTION = "SELECT symbol, bar_start, close, vwap FROM bars_1m ORDER BY bar_start DESC LIMIT 2000"

_SECOND = 1_000_000
_EARLIER_SHARE = 0.85
# Until the earlier part is played and stored.
_LEAD_SECONDS = 120
_SETTLE_MS = 4000


def main(
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = ROOT
    / "docs"
    / "screens",
    page: Annotated[list[PageName] | None, typer.Option(help="Only these pages.")] = None,
    theme: Annotated[str, typer.Option(help="dark or light.")] = "dark",
) -> None:
    """Take the pictures; takes about five minutes."""
    data = Path(os.environ.get("TAPEHOUSE_TEST_DATA", ROOT.parent / "shared" / "data"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tapehouse-screens-") as scratch:
        earlier, later = Path(scratch) / "earlier.jsonl", Path(scratch) / "later.jsonl"
        start = time.time() + _LEAD_SECONDS
        split(data / DAY, earlier, later, int(start * _SECOND))
        with running(Path(scratch) / "home") as instance:
            instance.cli("replay", str(earlier), "--speed", "max")
            time.sleep(max(0.0, start - time.time()))
            with playing(instance, later), chromium() as browser:
                wait_until(lambda: _commits(instance) > 8, 120, "trades to flow")
                for name in page or list(PageName):
                    _take(browser, instance, name, folder, theme)


def split(day: Path, earlier: Path, later: Path, start: int) -> None:
    """The day in two recordings, moved so that the second begins at `start` (microseconds)."""
    frames = list(read_recording(day))
    place = int(len(frames) * _EARLIER_SHARE)
    by = start - frames[place].received_at
    for path, part in ((earlier, frames[:place]), (later, frames[place:])):
        with open_writer(path) as writer:
            for frame in part:
                writer.write(moved(frame, by))


def moved(frame: Frame, by: int) -> Frame:
    """The frame as it would have come that much later (microseconds)."""
    message = json.loads(frame.raw)
    for trade in message.get("data", ()):
        trade["t"] += by // 1000
    return Frame(json.dumps(message), frame.received_at + by)


@contextmanager
def running(home: Path) -> Iterator[Instance]:
    """An instance of its own, without a feed."""
    one = Instance(home, ("--feed", "none", "--port", "0", "--trigger", "1"))
    one.start()
    try:
        yield one
    finally:
        one.stop()


@contextmanager
def playing(instance: Instance, recording: Path) -> Iterator[None]:
    """The recording plays into the instance, as it was received."""
    command = [TAPEHOUSE, "replay", recording, "--no-wait", "--home", instance.home]
    with subprocess.Popen(
        command,
        cwd=instance.home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(CHROMIUM_FLAGS)
        )
        yield browser
        browser.close()


def _take(browser: Browser, instance: Instance, name: PageName, folder: Path, theme: str) -> None:
    kept = json.loads(instance.cli("snapshots", "--last", "40", "--format", "json"))
    moments = {"live": "", "as-of": f"&as_of={kept[len(kept) // 2]['snapshot_id']}"}
    url = instance.dashboard_url()
    for mode, query in moments.items():
        for size, (width, height) in SIZES.items():
            view = browser.new_page(viewport={"width": width, "height": height})
            view.emulate_media(color_scheme=theme)
            visit(view, url, name, f"symbol=AAPL&interval=1m{query}")
            if name is PageName.SQL:
                _ask(view)
            view.wait_for_timeout(_SETTLE_MS)
            path = folder / f"{name}-{mode}-{size}.png"
            view.screenshot(path=path)
            view.close()
            sys.stderr.write(f"{path}\n")


def _ask(view: Page) -> None:
    view.get_by_role("combobox", name="SQL").fill(QUESTION)
    view.get_by_role("button", name="Run").click()
    view.get_by_role("tab", name="Rows").wait_for()


def _commits(instance: Instance) -> int:
    return len(json.loads(instance.cli("snapshots", "--format", "json")))


if __name__ == "__main__":
    typer.run(main)
