"""The console as a service: real HTTP and real processes, though the catalog holds no table."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from catalog.errors import MomentError, QueryError, ServiceError, SettingsError
from catalog.moments import Moment
from catalog.settings import environment_of
from serving.console import client as client_module
from serving.console.access import open_console
from serving.console.client import ConsoleClient
from serving.console.console import Console
from serving.console.server import serve
from serving.console.settings import ConsoleServiceSettings, ConsoleSettings
from serving.console.wire import Asked
from tests.support.consoles import ENDLESS, is_there, until_free, until_running
from tests.support.instance import wait_until
from tests.support.local_lake import free_ports
from tests.support.stand_in_catalog import SECRETS, stand_in_catalog

ROOT = Path(__file__).parents[3]
LIMITS = ConsoleSettings(
    seconds=20, rows=500, megabytes=4, memory_megabytes=128, spares=0, at_once=2
)
TOKEN = "token-of-the-console"


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    with stand_in_catalog() as catalog, Console(catalog.settings(), LIMITS) as console:
        yield console


@pytest.fixture(scope="module")
def service(console: Console) -> Iterator[ConsoleServiceSettings]:
    with serve(console, "127.0.0.1", 0, SecretStr(TOKEN)) as port:
        yield at(port)


def at(port: int, token: str = TOKEN) -> ConsoleServiceSettings:
    return ConsoleServiceSettings(url=f"http://127.0.0.1:{port}", token=SecretStr(token))


def port_of(service: ConsoleServiceSettings) -> int:
    return int(service.url.rpartition(":")[2])


@pytest.fixture
def client(service: ConsoleServiceSettings) -> ConsoleClient:
    return ConsoleClient(service, LIMITS)


@pytest.fixture
def busy(console: Console, client: ConsoleClient) -> Iterator[Future]:
    """Somebody's question that never ends by itself, asked over HTTP."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(client.ask, "busy", ENDLESS)
        until_running(console, "busy")
        yield future
        console.cancel("busy")


def http(service: ConsoleServiceSettings, path: str, content: bytes | None, token: str = TOKEN):
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{service.url}{path}", content, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_an_answer_comes_as_it_is(client):
    text = "SELECT 41 + ? AS n, ? AS word, 1.25::DECIMAL(38, 12) AS d, [1, NULL] AS l, now() AS t"
    outcome = client.ask("ann", text, parameters=[1, "é; DROP TABLE x --"])
    (row,) = outcome.table.to_pylist()
    assert (row["n"], row["word"], str(row["d"])) == (42, "é; DROP TABLE x --", "1.250000000000")
    assert row["l"] == [1, None]
    assert row["t"].tzinfo is not None
    assert outcome.cut == ""
    assert outcome.seconds > 0


def test_an_answer_without_rows_has_its_columns(client):
    table = client.ask("ann", "SELECT 1 AS a, 'x' AS b WHERE false").table
    assert (table.column_names, table.num_rows) == (["a", "b"], 0)


def test_limits_are_those_of_the_service_and_may_be_lowered(client):
    many = "SELECT * FROM range(100000)"
    for asked, rows in ((None, 500), (7, 7), (10_000, 500)):
        outcome = client.ask("ann", many, rows=asked)
        assert (outcome.table.num_rows, outcome.cut) == (rows, "rows")
    wide = client.ask("ann", "SELECT repeat('x', 100000) AS t FROM range(400)")
    assert wide.cut == "bytes"
    with pytest.raises(QueryError, match=r"longer than 0\.5 s"):
        client.ask("ann", ENDLESS, seconds=0.5)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT getenv('HOME')", "getenv is not allowed"),
        ("SELECT 1; SELECT 2", "One statement at a time"),
        ("SELEC 1", "syntax error"),
        ("SELECT '" + "x" * 200_000 + "'", "too long"),
        ("SELECT '\udc80'", "not valid Unicode"),
    ],
)
def test_what_is_wrong_with_the_sql_is_told_in_the_same_words(client, sql, words):
    with pytest.raises(QueryError, match=words):
        client.ask("ann", sql)


def test_a_moment_that_is_not_there_is_the_same_error(client):
    with pytest.raises(MomentError):
        client.ask("ann", "SELECT 1", as_of=Moment(tag="2026-13-45"))


def test_what_json_cannot_say_is_not_sent(client):
    with pytest.raises(QueryError, match="cannot be sent"):
        client.ask("ann", "SELECT ?", parameters=[object()])
    with pytest.raises(QueryError, match="no question"):
        client.ask("ann", "SELECT ?", parameters=[{"a": 1}])


def test_a_question_can_be_cancelled(console, client, busy):
    pid = console._running["busy"].pid
    assert client.cancel("busy")
    with pytest.raises(QueryError, match="cancelled"):
        busy.result(10)
    assert not is_there(pid)
    assert not client.cancel("busy")


def test_a_question_that_nobody_waits_for_is_ended(console, service):
    content = Asked("gone", ENDLESS).to_bytes()
    head = (
        f"POST /ask HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port_of(service)), timeout=10) as asker:
        asker.sendall(head.encode() + content)
        pid = until_running(console, "gone")
    until_free(console, "gone")
    assert not is_there(pid)


def test_an_asker_without_patience_gives_its_question_up(console, service, monkeypatch):
    monkeypatch.setattr(client_module, "_MORE_SECONDS", 0.0)
    hasty = ConsoleClient(service, LIMITS.model_copy(update={"seconds": 0.2}))
    with pytest.raises(ServiceError, match=r"not answered within 0\.2 s"):
        hasty.ask("hasty", ENDLESS)
    until_free(console, "hasty")


def test_users_do_not_wait_for_each_other_and_have_one_question_each(console, client, busy):
    with pytest.raises(QueryError, match="last query still runs"):
        client.ask("busy", "SELECT 1")
    assert client.ask("ann", "SELECT 1 AS a").table.to_pylist() == [{"a": 1}]
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(client.ask, "second", ENDLESS)
        until_running(console, "second")
        with pytest.raises(QueryError, match="2 queries of others run now"):
            client.ask("third", "SELECT 1")
        assert client.cancel("second")
        with pytest.raises(QueryError, match="cancelled"):
            second.result(10)


def test_every_question_leaves_a_line(client):
    with capture_logs() as lines:
        client.ask("ann", "SELECT 1")
        with pytest.raises(QueryError):
            client.ask("bob", "SELECT getenv('x')")
    told = [line for line in lines if line["event"] == "query"]
    assert [(line["user"], line["rows"]) for line in told] == [("ann", 1), ("bob", None)]


def test_health_is_told_to_those_with_the_token(service):
    assert http(service, "/health", None) == (200, {"well": True})


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN} ", TOKEN[:-1]])
@pytest.mark.parametrize("path", ["/health", "/ask", "/cancel"])
def test_without_the_right_token_nothing_is_told_or_run(service, path, token):
    content = None if path == "/health" else Asked("nobody", "SELECT 1").to_bytes()
    with capture_logs() as lines:
        status, body = http(service, path, content, token)
    assert status == 401
    assert set(body) == {"error"}
    assert not [line for line in lines if line["event"] == "query"]


def test_each_path_has_its_own_verb(service):
    assert http(service, "/ask", None)[0] == 405
    assert http(service, "/health", b"{}")[0] == 405
    status, body = http(service, "/nothing", b"{}")
    assert status == 404
    assert "GET /health, POST /ask, POST /cancel" in body["error"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"sql": "SELECT 1"}',
        b'{"user": "", "sql": "SELECT 1"}',
        b'{"user": "a", "sql": 1}',
        b'{"user": "a", "sql": "SELECT 1", "seconds": -1}',
        b'{"user": "a", "sql": "SELECT 1", "seconds": "NaN"}',
        b'{"user": "a", "sql": "SELECT 1", "rows": 0}',
        b'{"user": "a", "sql": "SELECT 1", "parameters": [{}]}',
        b'{"user": "a", "sql": "SELECT 1", "settings": {}}',
        b'{"user": "\xff", "sql": "SELECT 1"}',
        b"[" * 9000,
    ],
)
def test_what_is_no_question_is_refused_in_plain_words(service, content):
    status, body = http(service, "/ask", content)
    assert (status, body["exit_code"]) == (400, QueryError.exit_code)
    assert "That is no question" in body["error"]


def test_a_body_is_read_up_to_a_bound_alone(service):
    with socket.create_connection(("127.0.0.1", port_of(service)), timeout=10) as asker:
        head = f"POST /ask HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 1000001\r\n"
        asker.sendall(f"{head}\r\n".encode())
        assert b" 413 " in asker.makefile("rb").readline()


def test_a_client_with_another_token_is_refused_and_does_not_show_it(service):
    stranger = ConsoleClient(at(port_of(service), "canary-token"), LIMITS)
    with pytest.raises(ServiceError, match="does not answer") as refused:
        stranger.ask("ann", "SELECT 1")
    assert "canary-token" not in str(refused.value)


def test_where_nobody_listens_the_service_is_said_to_be_silent():
    (port,) = free_ports(1)
    silent = ConsoleClient(at(port), LIMITS)
    with pytest.raises(ServiceError, match="does not answer"):
        silent.ask("ann", "SELECT 1")
    with pytest.raises(ServiceError, match="does not answer"):
        silent.cancel("ann")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"HTTP/1.0 200 OK\r\n\r\nno Arrow",
        b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\ncut short",
        b"HTTP/1.0 500 Oh\r\n\r\n<html>",
    ],
)
def test_whoever_answers_as_no_console_would_is_said_to_be_silent(answer):
    def answer_once(listening: socket.socket) -> None:
        asker, _ = listening.accept()
        with asker:
            asker.recv(65_536)
            asker.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        done = pool.submit(answer_once, listening)
        with pytest.raises(ServiceError, match="does not answer"):
            ConsoleClient(at(listening.getsockname()[1]), LIMITS).ask("ann", "SELECT 1")
        done.result()


def test_without_a_token_it_does_not_start(console):
    with (
        pytest.raises(SettingsError, match="TAPEHOUSE_CONSOLE_TOKEN"),
        serve(console, "127.0.0.1", 0, SecretStr("")),
    ):
        pass


def test_a_port_in_use_is_said_plainly(console, service):
    with (
        pytest.raises(ServiceError, match="TAPEHOUSE_CONSOLE_PORT"),
        serve(console, "127.0.0.1", port_of(service), SecretStr(TOKEN)),
    ):
        pass


def test_settings_say_which_console_one_has(console, service):
    here = open_console(console._settings, LIMITS, ConsoleServiceSettings(url=""))
    there = open_console(console._settings, LIMITS, service)
    assert (type(here), type(there)) == (Console, ConsoleClient)
    for one in (here, there):
        one.prepare()
        assert one.ask("ann", "SELECT 1 AS a").table.to_pylist() == [{"a": 1}]
        assert not one.cancel("ann")
        one.close()


@pytest.fixture
def own_process(console: Console) -> Iterator[tuple[subprocess.Popen, ConsoleServiceSettings]]:
    """`python -m serving.console`, as its container runs it."""
    (port,) = free_ports(1)
    variables = {
        **environment_of(console._settings),
        "TAPEHOUSE_CONSOLE_PORT": str(port),
        "TAPEHOUSE_CONSOLE_TOKEN": TOKEN,
        "TAPEHOUSE_CONSOLE_QUERIES": "2",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "serving.console"],
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "serving" in process.stderr.readline()
        yield process, at(port)
        process.kill()


def test_its_process_answers_until_it_is_told_to_stop(own_process):
    process, service = own_process
    client = ConsoleClient(service, LIMITS)
    assert client.ask("ann", "SELECT 41 + 1 AS n").table.to_pylist() == [{"n": 42}]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.ask, "ann", ENDLESS)
        wait_until(lambda: client.cancel("ann"), 30, "the question to have begun")
        with pytest.raises(QueryError, match="cancelled"):
            asked.result(20)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "user=ann" in log
    assert "cancelled" in log
    hidden = [TOKEN, *(secret.rpartition(":")[2] for secret in SECRETS.values())]
    assert not [secret for secret in hidden if secret in log]
