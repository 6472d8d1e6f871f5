"""The producer process from outside: its help, its exit codes, and no token anywhere."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import SettingsError
from catalog.settings import FeedSettings
from ingest.settings import IngestSettings, check_feed

ROOT = Path(__file__).parent.parent.parent
CANARY = "canary-9b1deb4d"


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "ingest", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def nowhere():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{unused.getsockname()[1]}"


def test_help_shows_examples(tmp_path):
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "--ensure-topics" in done.stdout
    assert "examples:" in done.stdout


def test_without_a_token_finnhub_is_not_even_tried(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 2
    assert "FINNHUB_API_TOKEN is not set" in done.stderr


def test_a_setting_that_is_wrong_is_named(tmp_path):
    done = run(tmp_path, TAPEHOUSE_SILENT_MINUTES="never", FINNHUB_API_TOKEN=CANARY)
    assert done.returncode == 2
    assert "TAPEHOUSE_SILENT_MINUTES" in done.stderr
    assert CANARY not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [(), ("--ensure-topics",)])
def test_without_kafka_it_says_so_and_ends_with_the_brokers_code(tmp_path, nowhere, arguments):
    done = run(
        tmp_path,
        *arguments,
        FINNHUB_API_TOKEN=CANARY,
        KAFKA_SERVER=nowhere,
        TAPEHOUSE_BROKER_WAIT_SECONDS="1",
    )
    assert done.returncode == 6
    assert nowhere in done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_a_simulator_needs_no_token():
    assert check_feed(FeedSettings.read(url="ws://127.0.0.1:1"))


def test_finnhub_needs_one():
    with pytest.raises(SettingsError):
        check_feed(FeedSettings.read(token="", url="wss://ws.finnhub.io"))


def test_the_defaults_are_as_documented():
    settings = IngestSettings.read()
    assert (settings.silent_minutes, settings.flush_seconds) == (10.0, 10.0)
    assert settings.delivery_log is None
