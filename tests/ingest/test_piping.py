"""A recording through a pipe is the same recording, read no faster than it is played."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import RecordingError
from ingest.piping import Piped
from ingest.programs import Contents
from ingest.recording import read_recording
from ingest.replay import ReplayReport

ROOT = Path(__file__).parent.parent.parent
RECORDING = ROOT / "tests" / "data" / "made-up.frames.jsonl"


def through_a_pipe(speed: float | None) -> Piped:
    pipe = io.BytesIO()
    Piped.of(RECORDING, speed).write(pipe, lambda: False)
    pipe.seek(0)
    return Piped.read(pipe)


@pytest.mark.parametrize("speed", [None, 2.5])
def test_what_went_in_comes_out(speed):
    piped, contents = through_a_pipe(speed), Contents.of(RECORDING)
    assert piped.speed == speed
    assert piped.recorded.name == "made-up"
    assert piped.recorded.contents.symbols == contents.symbols
    assert piped.recorded.contents.trades == contents.trades
    assert list(piped.recorded.frames) == list(read_recording(RECORDING))


def test_a_stop_ends_the_sending():
    pipe = io.BytesIO()
    Piped.of(RECORDING, None).write(pipe, lambda: True)
    assert pipe.getvalue().count(b"\n") == 1


@pytest.mark.parametrize("head", [b"", b"nonsense\n", b"{}\n", b'{"symbols":7}\n'])
def test_what_is_no_recording_is_refused(head):
    with pytest.raises(RecordingError, match="does not begin as a recording"):
        Piped.read(io.BytesIO(head))


def test_a_report_reads_back():
    report = ReplayReport(9, 8, 7, 6, 5, {("stock-ticks", 0): 41, ("stock-ticks", 1): 3}, 1.25)
    assert ReplayReport.parse(report.to_json()) == report


def test_the_process_tells_its_number_first_and_its_error_last():
    environment = {"KAFKA_SERVER": "127.0.0.1:1", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "ingest", "--replay", "-"],
        input=b"nonsense\n",
        capture_output=True,
        env=environment | {"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert done.returncode == RecordingError.exit_code
    assert int(done.stdout) > 0
    assert done.stderr.startswith(b"What is piped in does not begin")


def test_it_can_be_stopped_by_that_number_while_it_waits_for_its_recording():
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", "--replay", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdin
        assert process.stdout
        number = int(process.stdout.readline())
        assert number == process.pid
        os.kill(number, signal.SIGTERM)
        process.stdin.write(json.dumps({"name": "x"}).encode())
        process.stdin.close()
        assert process.wait(30) == RecordingError.exit_code
