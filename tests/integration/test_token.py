"""The real feed's settings, a simulator in Finnhub's place: the token is used, never shown."""

import urllib.request
from collections.abc import Iterator

import psutil
import pytest

from ingest.simulator import Simulator
from ingest.venue import VenueOptions
from tests.support.instance import Instance, wait_until
from tests.support.recordings import read_expected

pytestmark = pytest.mark.integration

CANARY = "canary-t0ken-of-nobody"


def test_the_token_reaches_the_feed_and_shows_nowhere_else(tmp_path):
    instance = Instance(tmp_path / "home", ("--feed", "finnhub", "--port", "0", "--trigger", "1"))
    instance.environment["FINNHUB_API_TOKEN"] = CANARY
    instance.environment["TAPEHOUSE_SLOW_TRIGGER_SECONDS"] = "2"
    recording = instance.home / "recorded.frames.jsonl"
    try:
        with Simulator(VenueOptions(token=CANARY)) as simulator:
            instance.environment["TAPEHOUSE_FEED_URL"] = simulator.url
            instance.start()
            assert instance.lake_rows("SELECT DISTINCT source FROM trades") == [("finnhub",)]
            instance.cli("record", str(recording), "--seconds", "2")
            assert read_expected(recording).num_rows > 0
            page = urllib.request.urlopen(instance.dashboard_url()).read().decode()
        # The simulator is gone: now the client fails, and its errors are about the address.
        producer_log = instance.home / "logs" / "producer.log"
        wait_until(lambda: "cannot be reached" in producer_log.read_text(), 60, "a failed connect")
        # What the page shows of the feed's state is the detail of its newest event.
        details = wait_until(lambda: failures(instance), 60, "the failed connect in the table")
        family = [instance.psutil_process(), *instance.psutil_process().children(recursive=True)]
        shown = [*details, page, instance.log.read_text(), instance.cli("status", "--json")]
        told = list(_told(family))
        shown += [argument for arguments, _ in told for argument in arguments]
        others = [variables for arguments, variables in told[1:] if "ingest" not in arguments]
    finally:
        instance.stop()
    shown += [path.read_text(errors="replace") for path in (instance.home / "logs").rglob("*.log*")]
    assert not [text for text in shown if CANARY in text]
    assert not [variables for variables in others if CANARY in variables.values()]
    readable = [
        path
        for path in instance.home.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    assert [path.name for path in readable] == ["producer.json"]
    assert readable[0].stat().st_mode & 0o077 == 0


def failures(instance: Instance) -> list[str]:
    """What the tables tell of the feed's events, once a failed connect is among them."""
    details = [detail for (detail,) in instance.lake_rows("SELECT detail FROM feed_events")]
    return details if any("cannot be reached" in detail for detail in details) else []


def _told(family: list[psutil.Process]) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Arguments and environment of each process; one that ended meanwhile tells nothing more."""
    for process in family:
        try:
            yield process.cmdline(), process.environ()
        except psutil.NoSuchProcess:
            continue
