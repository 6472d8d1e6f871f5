import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.errors import ServiceError, SettingsError
from streaming.keeper import Board, ask_status, serve

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def board():
    return Board("1.2.3", "2026-01-02T03:04:05+00:00")


@pytest.fixture
def port(board):
    with serve(board, "127.0.0.1", 0, SecretStr("right")) as port:
        yield port


def ask(port, path="/status", authorization="Bearer right"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if authorization is not None:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_the_status_has_every_part_from_the_start(port):
    status, body = ask(port)
    assert status == 200
    assert body["version"] == "1.2.3"
    assert body["care"] == {"runs": []}
    assert set(body) == {"version", "started_at", "query", "offsets", "care", "tables"}
    assert set(body["query"]) == {
        "id", "epoch", "trigger_seconds", "rows_per_second", "batch_ms", "waiting"
    }  # fmt: skip


def test_the_status_shows_what_was_written_on_the_board(port, board):
    board.update_query(epoch=7, batch_ms=120)
    board.update_offsets("ticks", "stored", {0: 5, 1: 6})
    board.update_offsets("ticks", "latest", {0: 9})
    board.update_table("trades", files=3)
    board.update_table("trades", snapshots=2)
    _, body = ask(port)
    assert body["query"]["epoch"] == 7
    assert body["offsets"] == {"ticks": {"0": {"stored": 5, "latest": 9}, "1": {"stored": 6}}}
    assert body["tables"] == {"trades": {"files": 3, "snapshots": 2}}


def test_only_the_newest_acts_of_care_are_kept(port, board):
    for number in range(30):
        board.add_act({"act": number})
    _, body = ask(port)
    assert [act["act"] for act in body["care"]["runs"]] == list(range(10, 30))


@pytest.mark.parametrize(
    "authorization", [None, "", "right", "Bearer", "Bearer wrong", "Bearer right ", "Basic right"]
)
def test_without_the_right_token_nothing_is_told(port, authorization):
    status, body = ask(port, authorization=authorization)
    assert status == 401
    assert set(body) == {"error"}


def test_any_other_path_is_not_found(port):
    assert ask(port, "/")[0] == 404


def test_a_keeper_without_a_token_refuses_to_start(board):
    with (
        pytest.raises(SettingsError, match="TAPEHOUSE_KEEPER_TOKEN"),
        serve(board, "127.0.0.1", 0, SecretStr("")),
    ):
        pass


def test_a_port_in_use_is_said_plainly(board):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ServiceError, match=f"{port}.*TAPEHOUSE_KEEPER_PORT"),
            serve(board, "127.0.0.1", port, SecretStr("right")),
        ):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_keeper_that_listens_everywhere_is_asked_here(port, board, host):
    assert ask_status(host, port, SecretStr("right")) == board.to_json()


def test_a_keeper_that_refuses_is_an_error_without_the_token(port):
    with pytest.raises(ServiceError, match="does not answer") as refused:
        ask_status("127.0.0.1", port, SecretStr("wrong-token"))
    assert "wrong-token" not in str(refused.value)


@pytest.mark.parametrize(("token", "code"), [("right", 0), ("wrong", ServiceError.exit_code)])
def test_the_status_can_be_printed_by_a_process_beside_it(port, board, token, code):
    done = subprocess.run(
        [sys.executable, "-m", "streaming", "--status"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TAPEHOUSE_KEEPER_PORT": str(port),
            "TAPEHOUSE_KEEPER_TOKEN": token,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert (json.loads(done.stdout) if code == 0 else done.stdout) == (
        board.to_json() if code == 0 else ""
    )
