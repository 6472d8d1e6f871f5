"""The entrypoint of every container: secrets, preparation, jobs."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.images import launch, probe
from tests.support.instance import wait_until

LAUNCH = Path(launch.__file__)


@pytest.fixture
def delivered(tmp_path) -> Path:
    folder = tmp_path / "delivered"
    (folder / "secrets").mkdir(parents=True)
    return folder


def run(delivered: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "TAPEHOUSE_DELIVERED": str(delivered),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCH), *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_secrets_reach_the_command_as_variables_exactly_as_they_are(delivered):
    (delivered / "secrets" / "ONE").write_text("a b\n")
    (delivered / "secrets" / "TWO").write_text("$HOME 'x'")
    done = run(
        delivered,
        sys.executable,
        "-c",
        "import os; print([os.environ[n] for n in 'ONE TWO'.split()])",
    )
    assert done.stdout.strip() == repr(["a b\n", "$HOME 'x'"])


def test_a_secret_wins_over_a_plain_variable(delivered):
    (delivered / "secrets" / "ONE").write_text("secret")
    assert run(delivered, "sh", "-c", "echo $ONE", ONE="plain").stdout == "secret\n"


def test_the_command_takes_the_launchers_place(delivered):
    done = run(delivered, "sh", "-c", "exit 7")
    assert (done.returncode, done.stderr) == (7, "")


def test_without_anything_delivered_the_command_just_runs(tmp_path):
    assert run(tmp_path / "nothing", "echo", "there").stdout == "there\n"


def test_a_preparation_runs_once_and_before_the_command(delivered, tmp_path):
    made = tmp_path / "made"
    spec = {"command": ["sh", "-c", f"echo $ONE >> {made}"], "creates": str(made)}
    (delivered / "prepare.json").write_text(json.dumps(spec))
    (delivered / "secrets" / "ONE").write_text("secret")
    for _ in range(2):
        assert run(delivered, "cat", str(made)).stdout == "secret\n"


def test_after_a_failed_preparation_the_service_is_not_started(delivered, tmp_path):
    spec = {"command": ["sh", "-c", "exit 3"], "creates": str(tmp_path / "made")}
    (delivered / "prepare.json").write_text(json.dumps(spec))
    done = run(delivered, "echo", "started")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "the preparation ended with code 3" in done.stderr


@pytest.mark.parametrize(
    ("command", "code"), [((), 2), (("no-such-command",), 127), (("/etc/passwd",), 126)]
)
def test_what_cannot_run_is_one_line_and_a_shells_exit_code(delivered, command, code):
    done = run(delivered, *command)
    assert done.returncode == code
    assert done.stderr.startswith("launch: ")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def marks(tmp_path, monkeypatch):
    """Marker files of the test's own, and no lingering."""
    for module in (launch, probe):
        monkeypatch.setattr(module, "JOB_DONE", tmp_path / "done")
        monkeypatch.setattr(module, "JOB_SEEN", tmp_path / "seen")
    monkeypatch.setattr(launch, "_LINGER_SECONDS", 0.0)
    monkeypatch.setattr(launch, "_POLL_SECONDS", 0.01)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield tmp_path
    for number, handler in before.items():
        signal.signal(number, handler)


def test_launcher_and_probe_agree_on_where_a_job_leaves_word():
    assert (launch.JOB_DONE, launch.JOB_SEEN) == (probe.JOB_DONE, probe.JOB_SEEN)


def test_a_job_that_ended_well_waits_until_that_was_seen(marks):
    with pytest.raises(probe.UnhealthyError):
        probe.ask_job()
    waiting_seconds = 0.2

    def look():
        while not (marks / "done").exists():
            time.sleep(0.01)
        time.sleep(waiting_seconds)
        probe.ask_job()

    thread = threading.Thread(target=look)
    thread.start()
    begun = time.monotonic()
    assert launch.run_job(["true"], {}) == 0
    assert time.monotonic() - begun >= waiting_seconds
    thread.join()


def test_nobody_looking_holds_a_job_up_forever(marks, monkeypatch):
    monkeypatch.setattr(launch, "_UNSEEN_SECONDS", 0.1)
    assert launch.run_job(["true"], {}) == 0


def test_a_failed_job_ends_at_once_with_its_code_and_is_never_healthy(marks):
    (marks / "done").touch()
    assert launch.run_job(["sh", "-c", "exit 9"], {"PATH": os.environ["PATH"]}) == 9
    with pytest.raises(probe.UnhealthyError):
        probe.ask_job()


def test_a_job_is_told_to_stop_when_its_container_is(delivered):
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCH), "sh", "-c", "echo on; exec sleep 30"],
        env={
            "PATH": os.environ["PATH"],
            "TAPEHOUSE_DELIVERED": str(delivered),
            "TAPEHOUSE_JOB": "1",
        },
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        wait_until(lambda: _catches(process.pid, signal.SIGTERM), 10, "the launcher to listen")
        process.terminate()
        assert process.wait(timeout=10) == 128 + signal.SIGTERM


def _catches(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)
