import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.health import BrokerCheck, HttpCheck, PortCheck, Running


class Handler(BaseHTTPRequestHandler):
    """Answers as the path says: /200, /503; to a POST with what was posted."""

    def do_GET(self):
        self.answer(int(self.path[1:]), {"query": {"id": self.headers.get("Authorization")}})

    def do_POST(self):
        posted = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(200 if posted == "key=a%26b" else 401, {})

    def answer(self, status, body):
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent():
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{probe.getsockname()[1]}"


def test_a_process_without_a_port_is_ready_when_it_runs():
    assert Running().passes()


def test_a_port_is_ready_when_something_listens(server, silent):
    assert PortCheck(server).passes()
    assert not PortCheck(silent).passes()


def test_a_page_is_ready_when_it_answers_with_success(server, silent):
    assert HttpCheck(f"http://{server}/200").passes()
    assert not HttpCheck(f"http://{server}/503").passes()
    assert not HttpCheck(f"http://{silent}/200").passes()


def test_a_form_is_posted(server):
    assert HttpCheck(f"http://{server}", form={"key": "a&b"}).passes()
    assert not HttpCheck(f"http://{server}", form={"key": "wrong"}).passes()


def test_a_wanted_value_must_be_in_the_answer(server):
    url, wants = f"http://{server}/200", ("query", "id")
    assert HttpCheck(url, {"Authorization": "me"}, wants=wants).passes()
    assert not HttpCheck(url, wants=wants).passes()


def test_a_server_that_is_no_kafka_is_no_ready_broker(server, silent):
    assert not BrokerCheck(server).passes()
    assert not BrokerCheck(silent).passes()


def test_no_check_shows_its_secrets():
    shown = repr(HttpCheck("http://x", {"Authorization": "canary"}, {"client_secret": "canary"}))
    assert "canary" not in shown
