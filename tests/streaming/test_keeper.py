import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.errors import LakeError, MomentError, ServiceError, SettingsError
from catalog.keeper_client import ask_act, ask_status
from streaming.keeper import Board, serve

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
    assert set(body) == {
        "version", "libraries", "started_at", "query", "offsets", "care", "tables"
    }  # fmt: skip
    assert set(body["query"]) == {
        "id", "epoch", "trigger_seconds", "stretched", "rows_per_second", "input_rows_per_second",
        "batch_ms", "waiting", "reported_at",
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
    for number in range(60):
        board.add_act({"act": number})
    _, body = ask(port)
    assert [act["act"] for act in body["care"]["runs"]] == list(range(10, 60))


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


def run_beside(port, *arguments, token="right", stdin=""):
    return subprocess.run(
        [sys.executable, "-m", "streaming", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TAPEHOUSE_KEEPER_PORT": str(port),
            "TAPEHOUSE_KEEPER_TOKEN": token,
        },
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("token", "code"), [("right", 0), ("wrong", ServiceError.exit_code)])
def test_the_status_can_be_printed_by_a_process_beside_it(port, board, token, code):
    done = run_beside(port, "--status", token=token)
    assert done.returncode == code
    assert (json.loads(done.stdout) if code == 0 else done.stdout) == (
        board.to_json() if code == 0 else ""
    )


@pytest.fixture
def done():
    return []


@pytest.fixture
def acting(board, done):
    def act(body):
        done.append(body)
        if "error" in body:
            raise {
                "moment": MomentError("no such moment"),
                "lake": LakeError("the catalog is away"),
                "fault": KeyError("secret-canary"),
            }[body["error"]]
        return {"did": body}

    with serve(board, "127.0.0.1", 0, SecretStr("right"), {"/tag": act}) as port:
        yield port


def post(port, content, path="/tag", **headers):
    sent = {"Authorization": "Bearer right", "Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", content, sent)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_an_act_is_answered_with_what_came_of_it(acting, done):
    assert post(acting, b'{"name": "a"}') == (200, {"did": {"name": "a"}})
    assert done == [{"name": "a"}]


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Bearer right "])
def test_without_the_right_token_nothing_is_done(acting, done, authorization):
    status, body = post(acting, b"{}", Authorization=authorization)
    assert status == 401
    assert set(body) == {"error"}
    assert not done


@pytest.mark.parametrize("content", [b"", b"nothing", b"[]", b"null", b"[" * 9000, b"\xff"])
def test_a_body_that_is_no_object_is_the_askers_fault(acting, done, content):
    status, body = post(acting, content)
    assert status == 400
    assert "JSON object" in body["error"]
    assert not done


def test_a_body_is_read_up_to_a_bound_alone(acting, done):
    assert post(acting, json.dumps({"name": "x" * 16_000}).encode())[0] == 200
    with socket.create_connection(("127.0.0.1", acting), timeout=10) as client:
        head = "POST /tag HTTP/1.1\r\nAuthorization: Bearer right\r\nContent-Length: 16385\r\n\r\n"
        client.sendall(head.encode())
        assert b" 413 " in client.makefile("rb").readline()
    assert len(done) == 1


def test_a_body_of_unknown_length_is_not_read(acting, done):
    with socket.create_connection(("127.0.0.1", acting), timeout=10) as client:
        client.sendall(b"POST /tag HTTP/1.1\r\nAuthorization: Bearer right\r\n\r\n")
        assert b" 411 " in client.makefile("rb").readline()
    assert not done


@pytest.mark.parametrize(
    ("cause", "status", "words"),
    [("moment", 400, "no such moment"), ("lake", 503, "is away"), ("fault", 503, "KeyError")],
)
def test_what_goes_wrong_has_one_form_and_says_whose_fault_it_is(acting, cause, status, words):
    code, body = post(acting, json.dumps({"error": cause}).encode())
    assert code == status
    assert words in body["error"]
    assert "canary" not in body["error"]


def test_each_path_has_its_own_verb(acting, done):
    assert post(acting, b"{}", "/status")[0] == 405
    assert ask(acting, "/tag")[0] == 405
    status, body = post(acting, b"{}", "/nothing")
    assert status == 404
    assert "POST /tag" in body["error"]
    assert not done


def test_an_act_may_be_added_while_it_serves(board):
    acts = {}
    with serve(board, "127.0.0.1", 0, SecretStr("right"), acts) as port:
        assert post(port, b"{}", "/late")[0] == 404
        acts["/late"] = lambda _: {"late": True}
        assert post(port, b"{}", "/late") == (200, {"late": True})


def test_the_status_is_told_while_an_act_goes_on(board):
    entered, go_on = threading.Event(), threading.Event()

    def act(_):
        entered.set()
        assert go_on.wait(10)
        return {}

    with (
        serve(board, "127.0.0.1", 0, SecretStr("right"), {"/slow": act}) as port,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(post, port, b"{}", "/slow")
        assert entered.wait(10)
        assert ask(port)[0] == 200
        go_on.set()
        assert answer.result() == (200, {})


@pytest.mark.parametrize(
    ("cause", "kind"), [("moment", MomentError), ("lake", LakeError), ("fault", ServiceError)]
)
def test_an_asker_gets_the_error_that_the_act_raised(acting, cause, kind):
    with pytest.raises(ServiceError if kind is ServiceError else LakeError) as raised:
        ask_act("127.0.0.1", acting, SecretStr("right"), "/tag", {"error": cause})
    assert type(raised.value) is kind


@pytest.mark.parametrize("ask", [ask_status, lambda *to: ask_act(*to, "/tag", {})])
@pytest.mark.parametrize("answer", [b"", b"nonsense", b"HTTP/1.0 200 OK\r\n\r\n[]"])
def test_whoever_answers_as_no_keeper_would_is_said_to_be_silent(ask, answer):
    def answer_once(listening):
        client, _ = listening.accept()
        with client:
            client.recv(4096)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        done = pool.submit(answer_once, listening)
        with pytest.raises(ServiceError, match="does not answer"):
            ask("127.0.0.1", listening.getsockname()[1], SecretStr("right"))
        done.result()


def test_an_act_that_takes_too_long_may_still_be_done(board):
    go_on = threading.Event()
    acts = {"/slow": lambda _: {"waited": go_on.wait(10)}}
    with serve(board, "127.0.0.1", 0, SecretStr("right"), acts) as port:
        with pytest.raises(ServiceError, match=r"not answered /slow within 0\.1 s; it may still"):
            ask_act("127.0.0.1", port, SecretStr("right"), "/slow", {}, seconds=0.1)
        go_on.set()


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ('{"name": "a"}', 0, {"did": {"name": "a"}}),
        ('{"error": "moment"}', MomentError.exit_code, "no such moment\n"),
        ("no JSON", SettingsError.exit_code, "not JSON"),
    ],
)
def test_an_act_can_be_asked_for_by_a_process_beside_it(acting, body, code, said):
    done = run_beside(acting, "--act", "/tag", stdin=body)
    assert done.returncode == code, done.stderr
    if code:
        assert said in done.stderr
        assert not done.stdout
    else:
        assert json.loads(done.stdout) == said
