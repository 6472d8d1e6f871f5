"""The healthchecks, against real local servers."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra import probes
from infra.images import probe
from infra.ports import any_free_port

PROBE = Path(probe.__file__)


def ask(command: tuple[str, ...]) -> tuple[int, str]:
    """Run a probe as a container would; its exit code and the line it printed."""
    assert command[: len(probes.PROBE)] == probes.PROBE
    arguments = command[len(probes.PROBE) :]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(PROBE), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Authorization") == "Bearer secret-token"
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/open")
            self.end_headers()
            return
        self.send_response(200 if wanted or self.path == "/open" else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"query": {"id": "7", "none": None}}).encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_url_that_answers_is_healthy(url):
    assert ask(probes.http_probe(f"{url}/open")) == (0, "")


def test_a_refusal_is_not(url):
    assert ask(probes.http_probe(f"{url}/closed")) == (1, "http: answered with status 401")


def test_a_redirect_is_not_followed(url):
    assert ask(probes.http_probe(f"{url}/moved")) == (1, "http: answered with status 302")


def test_a_token_comes_from_its_file_and_never_shows(url, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret-token")
    assert ask(probes.http_probe(f"{url}/closed", token)) == (0, "")
    token.write_text("wrong-token")
    code, line = ask(probes.http_probe(f"{url}/closed", token))
    assert code == 1
    assert "wrong-token" not in line
    token.write_text("two\nlines")
    code, line = ask(probes.http_probe(f"{url}/closed", token))
    assert code == 1
    assert "lines" not in line


@pytest.mark.parametrize(
    ("wants", "code"), [("query.id", 0), ("query.none", 1), ("query.id.x", 1), ("absent", 1)]
)
def test_something_true_must_stand_where_it_is_wanted(url, wants, code):
    assert ask(probes.http_probe(f"{url}/open", wants=wants))[0] == code


def server(serve):
    """The port of one that serves a single connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept():
        connection, _ = listening.accept()
        with listening, connection:
            serve(connection)

    threading.Thread(target=accept).start()
    return listening.getsockname()[1]


@pytest.mark.parametrize("answer", [b"SSH-2.0-x 200\r\n", b"HTTP/1.1\r\n", b"\xff 200\r\n", b""])
def test_what_does_not_speak_http_is_not(answer):
    port = server(lambda connection: (connection.recv(4096), connection.sendall(answer)))
    assert ask(probes.http_probe(f"http://127.0.0.1:{port}/"))[0] == 1


@pytest.mark.parametrize("arguments", [("ping",), ("port",), ("fresh", "/tmp"), ("http", "u", "-")])
def test_a_question_that_there_is_not_is_unhealthy(arguments):
    code, line = ask((*probes.PROBE, *arguments))
    assert code == 1
    assert line.startswith(f"{arguments[0]}: ")


def test_nobody_there_is_one_line():
    port = any_free_port()
    for command in (
        probes.http_probe(f"http://127.0.0.1:{port}/"),
        probes.port_probe(port),
        probes.kafka_probe(port),
    ):
        code, line = ask(command)
        assert code == 1
        assert line
        assert "\n" not in line


def test_an_open_port_is_healthy(url):
    assert ask(probes.port_probe(int(url.rsplit(":", 1)[1]))) == (0, "")


def broker(answer):
    """A server that answers one request with what `answer` makes of it."""

    def serve(connection):
        (size,) = struct.unpack(">i", connection.recv(4))
        connection.sendall(answer(connection.recv(size)))

    return server(serve)


def versions(request: bytes) -> bytes:
    key, version, correlation = struct.unpack(">hhi", request[:8])
    body = struct.pack(">ihi", correlation, 0 if (key, version) == (18, 0) else 35, 0)
    return struct.pack(">i", len(body)) + body


def test_what_speaks_kafkas_protocol_is_a_broker():
    assert ask(probes.kafka_probe(broker(versions))) == (0, "")


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda _: b"",
        lambda _: struct.pack(">i", 2) + b"xx",
        lambda _: struct.pack(">iih", 6, 7, 35),
    ],
    ids=["http", "nothing", "too short", "an error"],
)
def test_what_does_not_is_none(answer):
    assert ask(probes.kafka_probe(broker(answer)))[0] == 1


def test_a_file_must_be_there_and_fresh(tmp_path):
    path = tmp_path / "alive"
    assert ask(probes.fresh_probe(path, 60)) == (1, "fresh: alive is not there")
    path.touch()
    assert ask(probes.fresh_probe(path, 60)) == (0, "")
    os.utime(path, (1, 1))
    code, line = ask(probes.fresh_probe(path, 60))
    assert code == 1
    assert line.endswith("60 s are allowed")
