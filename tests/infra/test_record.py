"""`tapehouse record` in a home whose simulator runs: told by its clock to end, or by Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.home import Home, Pid, Run
from ingest.simulator import Simulator
from ingest.venue import VenueOptions
from tests.support.recordings import read_expected

TAPEHOUSE = Path(sys.executable).with_name("tapehouse")
SYMBOLS = ("AAPL", "BINANCE:BTCUSDT")


@pytest.fixture
def simulator(tmp_path) -> Iterator[Simulator]:
    """The simulator of the home in `tmp_path`, which to all others looks like a running one."""
    home = Home(tmp_path / ".tapehouse")
    home.ensure()
    home.ensure_ports()
    me = Pid.of(os.getpid())
    home.write_run(Run(me, me, "2026-01-02T00:00:00+00:00", "simulator", "simulator", None))
    venue = VenueOptions(home.credentials.simulator_token, port=home.ports["simulator.feed"])
    with Simulator(venue, rate=200) as running:
        yield running


def record(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [TAPEHOUSE, "record", *arguments],
        cwd=folder,
        env={**os.environ, "FINNHUB_API_TOKEN": "", "FINNHUB_TICKERS": ",".join(SYMBOLS)},
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_recorded(path: Path, said: str) -> None:
    trades = read_expected(path)
    assert set(trades["symbol"].to_pylist()) == set(SYMBOLS)
    [frames] = re.findall(r"(\d+) frames written", said)
    assert 0 < int(frames) <= trades.num_rows


def test_it_ends_after_the_seconds_it_was_given(simulator, tmp_path):
    with record(tmp_path, "short.frames.jsonl", "--seconds", "2") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert_recorded(tmp_path / "short.frames.jsonl", said)


def test_ctrl_c_ends_it_and_keeps_what_came(simulator, tmp_path):
    with record(tmp_path, "stopped.frames.jsonl.zst") as process:
        deadline = time.monotonic() + 60
        while simulator.sent.trades < 100:
            assert time.monotonic() < deadline, "no client asked for trades"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert_recorded(tmp_path / "stopped.frames.jsonl.zst", said)
    assert [path.name for path in tmp_path.glob("*.part")] == []
