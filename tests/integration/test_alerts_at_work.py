"""Alerts in a dashboard that nobody looks at: what fires is kept, and posted."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.settings import environment_of
from serving.alert_store import AlertStore
from serving.alerts import Alert, Kind
from serving.settings import streamlit_command
from tests.support.instance import wait_until
from tests.support.local_lake import LocalLake, Row, free_ports, local_lake
from tests.support.receiver import receiving

pytestmark = pytest.mark.integration

_SECONDS = 90


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("alerts") / "weed") as made:
        yield made


def test_what_fires_is_posted_though_no_page_was_ever_open(lake: LocalLake, tmp_path: Path) -> None:
    now = time.time_ns() // 1000
    store = AlertStore.open(tmp_path / "own")
    store.add(Alert(Kind.PRICE, 105.0, "AAPL"), now)
    lake.append([Row("AAPL", now, 100.0, 1.0, (1,))])
    with receiving(200) as receiver, (tmp_path / "log").open("wb") as log:
        (port,) = free_ports(1)
        own = {
            "TAPEHOUSE_DASHBOARD_DIR": str(tmp_path / "own"),
            "TAPEHOUSE_ALERT_WEBHOOK": receiver.url,
        }
        process = subprocess.Popen(
            [sys.executable, *streamlit_command(port)],
            env={**os.environ, **environment_of(lake.settings), **own},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
        try:
            crossed = iter(range(1, 1000))

            def heard() -> bool:
                # Only what comes after the poller has begun is new: let it cross again and again.
                assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
                place = next(crossed)
                lake.append([Row("AAPL", now + place, 100.0 + 10 * (place % 2), 1.0, (1,))])
                return bool(receiver.heard)

            wait_until(heard, _SECONDS, "the webhook's post", every=1.0)
            firing = store.firings()[0]
            wait_until(lambda: store.firings()[0].delivery, _SECONDS, "its outcome")
        finally:
            process.terminate()
            process.wait(20)
    assert receiver.heard[0]["alert"] == "AAPL crosses 105"
    assert receiver.heard[0]["text"].startswith("AAPL went from 1")
    assert firing.words == "AAPL crosses 105"
    assert store.firings()[0].delivery == "posted"
    store.close()
    assert receiver.url not in (tmp_path / "log").read_text()
