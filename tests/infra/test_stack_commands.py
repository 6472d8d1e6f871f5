"""`tapehouse --stack`: the same commands, asked through the docker command."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.errors import MomentError
from infra import stack_doctor
from infra.cli_options import STACK_COMMANDS
from infra.doctor import Finding
from infra.engine import Container
from streaming.keeper import Board, serve
from tests.support.fake_docker import container, install

TAPEHOUSE = Path(sys.executable).with_name("tapehouse")
PAGE = {"8501/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8501"}]}

ARGUMENTS = {
    "sql": ("SELECT 1",),
    "replay": ("day.frames.jsonl",),
    "tag": ("a",),
    "bars": ("AAPL",),
    "diff": ("yesterday", "live"),
    "history": ("AAPL", "2026-01-02T14:30"),
}


def tapehouse(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [TAPEHOUSE, *arguments],
        cwd=folder,
        env={**os.environ, "FINNHUB_API_TOKEN": "", "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def stack(tmp_path):
    found = [
        container("kafka"),
        container("ensure-topics", job=True, state="exited", health="unhealthy"),
        container("simulator"),
        container("console"),
        container("dashboard", ports=PAGE),
    ]
    return install(tmp_path, found)


@pytest.mark.parametrize("arguments", [("--stack", "dev", "status"), ("status", "--stack", "dev")])
def test_the_option_stands_before_or_after_the_command(tmp_path, stack, arguments):
    done = tapehouse(tmp_path, *arguments, "--json", **stack)
    # There is no stream to answer.
    assert done.returncode == 4, done.stderr
    report = json.loads(done.stdout)
    assert report["stack"] == "dev"
    assert report["dashboard"] == "http://127.0.0.1:8501"
    assert report["feed"] == "simulator"
    assert report["services"]["ensure-topics"]["state"] == "done"
    assert report["services"]["kafka"]["detail"].startswith("healthy, since 2026-01-02")
    assert report["stream"] is None


@pytest.mark.parametrize("command", sorted(STACK_COMMANDS))
def test_a_stack_that_is_not_there_says_how_to_start_it(tmp_path, stack, command):
    (tmp_path / "day.frames.jsonl").touch()
    given = ARGUMENTS.get(command, ())
    done = tapehouse(tmp_path, "--stack", "other", command, *given, **stack)
    assert done.returncode == (1 if command == "doctor" else 4)
    assert "no container of the stack other" in done.stdout + done.stderr
    assert "pulumi up" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["demo", "run", "record"])
def test_a_command_that_works_on_a_home_alone_refuses_a_stack(tmp_path, stack, command):
    done = tapehouse(tmp_path, "--stack", "dev", command, **stack)
    assert done.returncode == 2
    assert f"{command} works on a home" in done.stderr


def test_a_home_and_a_stack_together_are_refused(tmp_path, stack):
    done = tapehouse(tmp_path, "--stack", "dev", "status", "--home", "elsewhere", **stack)
    assert done.returncode == 2
    assert "two different instances" in done.stderr


@pytest.mark.parametrize("command", ["sql", "bars", "diff", "history"])
def test_an_error_inside_the_container_is_the_commands_own(tmp_path, stack, command):
    """The fake engine runs the question here, where no catalog answers."""
    done = tapehouse(
        tmp_path,
        "--stack",
        "dev",
        command,
        *ARGUMENTS[command],
        TAPEHOUSE_STORE_ENDPOINT="no URL",
        **stack,
    )
    assert done.returncode == 2
    assert "TAPEHOUSE_STORE_ENDPOINT must be" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def keeper(tmp_path):
    """What it was asked for, and the environment in which a container of the stream asks it."""
    asked = []

    def make(body):
        asked.append(body)
        if body["name"] == "taken":
            raise MomentError("There is a tag 'taken' already.")
        return {"tag": body["name"], "snapshot_id": 9007199254740993}

    acts = {"/tag": make, "/tag/delete": lambda body: asked.append(body) or body}
    with serve(Board("1", "2026-01-02"), "127.0.0.1", 0, SecretStr("right"), acts) as port:
        address = {"TAPEHOUSE_KEEPER_PORT": str(port), "TAPEHOUSE_KEEPER_TOKEN": "right"}
        yield asked, {**address, **install(tmp_path, [container("stream")])}


def test_a_tag_is_made_and_deleted_by_the_stream_s_container(tmp_path, keeper):
    asked, environment = keeper
    arguments = ("--stack", "dev", "tag", "a", "--at", "7", "--keep", "2h", "--format", "json")
    done = tapehouse(tmp_path, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"tag": "a", "snapshot_id": 9007199254740993}]
    gone = tapehouse(tmp_path, "tag", "--delete", "a", "--stack", "dev", **environment)
    assert gone.returncode == 0, gone.stderr
    assert asked == [{"name": "a", "moment": "7", "keep_seconds": 7200}, {"name": "a"}]


def test_what_the_keeper_refuses_is_the_commands_own_error(tmp_path, keeper):
    _, environment = keeper
    done = tapehouse(tmp_path, "--stack", "dev", "tag", "taken", **environment)
    assert done.returncode == MomentError.exit_code
    assert done.stderr == "tapehouse: There is a tag 'taken' already.\n"


def test_doctor_names_what_is_unwell_with_its_last_words():
    sick = Container.parse(container("kafka", state="restarting", exit_code=137))
    finding = stack_doctor.check_container(sick, lambda name, lines: f"{name}\nlast words")
    assert finding.failed
    assert "last words" in finding.found
    assert "docker logs tapehouse-dev-kafka" in (finding.mend or "")


def test_doctor_warns_of_restarts_of_open_ports_and_of_too_little_memory():
    ports = {"8501/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8501"}]}
    one = Container.parse(container("dashboard", ports=ports, restarts=3))
    findings: list[Finding] = [
        stack_doctor.check_container(one, lambda name, lines: ""),
        stack_doctor.check_published([one]),
        stack_doctor.check_memory([one], 1000),
    ]
    assert [finding.mark for finding in findings] == ["warns"] * 3


def test_doctor_tells_of_each_container_and_of_what_is_missing(tmp_path, stack):
    done = tapehouse(tmp_path, "--stack", "dev", "doctor", **stack)
    assert "Docker 20.10.24" in done.stdout
    assert re.search(r"^kafka +ok ", done.stdout, re.MULTILINE)
    assert re.search(r"^stream +FAILS .*no container of stream", done.stdout, re.MULTILINE)
    assert done.returncode == 1
