"""The command line as a user meets it: help, exit codes, one clean line for an error."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from catalog import errors
from infra.cli import app
from infra.cli_options import STACK_COMMANDS
from infra.home import Home, Pid, Run
from infra.ports import LOOPBACK

ROOT = Path(__file__).parents[2]
TAPEHOUSE = Path(sys.executable).with_name("tapehouse")
COMMANDS = {
    *("demo", "run", "status", "doctor", "record", "replay", "sql", "snapshots"),
    *("tag", "care", "bars", "diff", "history"),
}
CANARY = "canary-c0ffee-token"


def tapehouse(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [TAPEHOUSE, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "FINNHUB_API_TOKEN": "", "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_commands_are_those_of_the_documentation():
    click_app = typer.main.get_command(app)
    assert set(click_app.commands) == COMMANDS
    readme = (ROOT / "README.md").read_text()
    told = set(re.findall(r"tapehouse (?:--stack dev )?([a-z]+)|`([a-z]+)`", readme))
    assert {name for names in told for name in names} >= COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_an_example_and_the_home_option(command):
    help_text = " ".join(_help_of(command).split())
    assert "--home DIR" in help_text
    assert re.search(rf"Examples?: tapehouse (--stack dev )?{command}", help_text)
    assert ("--stack NAME" in help_text) == (command in STACK_COMMANDS)


@pytest.mark.parametrize("where", ["help", "README.md"])
def test_every_exit_code_is_told(where):
    codes = {0, 1, 130} | {kind.exit_code for kind in vars(errors).values() if _is_error(kind)}
    if where == "help":
        click_app = typer.main.get_command(app)
        text = click_app.get_help(click_app.make_context("tapehouse", [], resilient_parsing=True))
        told = re.findall(r"\b(\d+) [A-Za-z]", text.split("Exit codes:")[1].split("Options:")[0])
    else:
        told = re.findall(r"^\| (\d+) \|", (ROOT / where).read_text(), re.MULTILINE)
    assert sorted(map(int, told)) == sorted(codes)


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.TapehouseError)


def _help_of(command: str) -> str:
    click_app = typer.main.get_command(app)
    context = click_app.make_context("tapehouse", [command], resilient_parsing=True)
    one = click_app.commands[command]
    return one.get_help(one.make_context(command, [], parent=context, resilient_parsing=True))


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("sql", "SELECT 1"),
        ("snapshots",),
        ("care",),
        ("replay", "day.frames.jsonl"),
        ("tag", "a"),
        ("tag", "--delete", "a"),
        ("bars", "AAPL"),
        ("diff", "yesterday", "live"),
        ("history", "AAPL", "2026-01-02T14:30"),
    ],
)
def test_a_command_that_needs_an_instance_says_that_none_runs(tmp_path, arguments):
    (tmp_path / "day.frames.jsonl").touch()
    done = tapehouse(*arguments, cwd=tmp_path)
    assert done.returncode == 4
    assert "Nothing runs in" in done.stderr
    assert "tapehouse run" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_asking_makes_no_home(tmp_path):
    tapehouse("status", cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_taken_port_stops_a_start_before_anything_runs_and_names_the_option(tmp_path):
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        port = server.getsockname()[1]
        done = tapehouse("run", "--port", port, "--feed", "none", cwd=tmp_path)
    assert done.returncode == 4
    assert f"Port {port}" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / ".tapehouse" / "run.json").exists()
    assert not list((tmp_path / ".tapehouse" / "logs").iterdir())


def test_a_java_that_does_not_work_and_no_other_stops_a_start(tmp_path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"25.0.1\"' >&2\n")
    java.chmod(0o755)
    code = "import infra.java, infra.cli; infra.java.packaged_java = lambda: None; infra.cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--feed", "none", "--no-dashboard"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(java.parent), "JAVA_HOME": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "Java 25" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_run_in_a_home_is_refused(tmp_path):
    home = Home(tmp_path / ".tapehouse")
    home.ensure()
    with home.locked():
        done = tapehouse("run", "--feed", "none", "--no-dashboard", cwd=tmp_path)
    assert done.returncode == 4
    assert "already runs" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "--feed", "finnhub"), 2, "FINNHUB_API_TOKEN"),
        (("run", "--feed", "no-such-file"), 2, "neither simulator"),
        (("run", "--feed", "none", "--rate", "5"), 2, "--rate"),
        (("run", "--trigger", "99"), 2, "--trigger"),
        (("record", "out.frames.jsonl"), 2, "no feed to record"),
        (("replay", "absent.frames.jsonl"), 2, "does not exist"),
        (("tag",), 2, "Missing argument 'name'"),
        (("tag", "a", "--keep", "30"), 2, "such as 12h or 30d"),
        (("tag", "a", "--keep", "0d"), 2, "such as 12h or 30d"),
        (("tag", "a", "--delete", "--keep", "1d"), 2, "do not go with it"),
        (("tag", "--delete", "a", "--at", "live"), 2, "do not go with it"),
        (("snapshots", "--last", "0"), 2, "--last"),
        (("nonsense",), 2, "No such command"),
        (("bars", "AAPL", "--interval", "7m"), 9, "'7m' is no length of bars. There are 1s, 5s,"),
        (("bars", "AAPL", "--start", "noon"), 9, "'noon' is not a time"),
        (("diff", "a", "b", "--level", "all"), 9, "'all' is no level. There are counts, bars,"),
        (("history", "AAPL", "noon"), 9, "'noon' is not a time"),
    ],
)
def test_wrong_usage_says_what_is_wrong(tmp_path, arguments, code, words):
    done = tapehouse(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_is_in_no_message_even_where_it_is_what_is_wrong(tmp_path):
    (tmp_path / ".env").write_text(f"FINNHUB_API_TOKEN={CANARY}\nFINNHUB_TICKERS=<{CANARY}>\n")
    for arguments in (("run",), ("--debug", "run"), ("record", "x.jsonl"), ("doctor",)):
        done = tapehouse(*arguments, cwd=tmp_path, FINNHUB_API_TOKEN=CANARY)
        assert CANARY not in done.stdout + done.stderr, arguments


def test_a_full_disk_is_said_in_one_line_without_a_traceback(tmp_path):
    code = """
import errno, infra.cli_run, infra.cli
def full(*_): raise OSError(errno.ENOSPC, "No space left on device", "ports.json")
infra.cli_run.open_home = full
infra.cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "--feed", "none"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert "The disk is full (ports.json)" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_of_a_run_whose_services_do_not_answer_is_an_error(tmp_path):
    home = Home(tmp_path / ".tapehouse")
    home.ensure()
    home.ensure_ports()
    me = Pid.of(os.getpid())
    home.write_run(Run(me, me, "2026-01-02T00:00:00+00:00", "none", "simulator", None))
    done = tapehouse("status", cwd=tmp_path)
    assert done.returncode == 4
    assert "supervisor does not answer" in done.stderr
