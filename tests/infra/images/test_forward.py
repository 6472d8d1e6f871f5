"""Passing a loopback server's ports on."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.images import forward
from infra.ports import any_free_port

FORWARD = Path(forward.__file__)

# Answers each connection with all that it was sent, once the sender is done.
ECHO = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = server.accept()
    data = b""
    while part := connection.recv(65536):
        data += part
    connection.sendall(data)
    connection.close()
"""


def start(pairs: list[str], *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(FORWARD), *pairs, "--", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def exchange(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.fixture
def ports() -> tuple[int, int]:
    outer = any_free_port()
    inner = any_free_port()
    assert outer != inner
    return outer, inner


def test_bytes_pass_both_ways_and_one_side_may_be_done_before_the_other(ports):
    outer, inner = ports
    with start([f"{outer}={inner}"], sys.executable, "-c", ECHO, str(inner)) as process:
        data, answer = os.urandom(3_000_000), b""
        deadline = time.monotonic() + 20
        # An empty answer: the port is open already, the server behind it not yet.
        while not answer and time.monotonic() < deadline:
            try:
                answer = exchange(outer, data)
            except OSError:
                time.sleep(0.05)
        assert answer == data
        process.terminate()
        assert process.wait(timeout=10) == 128 + signal.SIGTERM


def test_it_ends_with_the_commands_exit_code(ports):
    with start([f"{ports[0]}={ports[1]}"], "sh", "-c", "exit 5") as process:
        assert process.wait(timeout=10) == 5


@pytest.mark.parametrize("arguments", [["1=2"], ["1=2", "--"], ["one", "--", "true"]])
def test_a_wrong_use_is_code_2(arguments):
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(FORWARD), *arguments],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_a_command_that_is_not_there_is_named(ports):
    with start([f"{ports[0]}={ports[1]}"], "no-such-command") as process:
        assert process.wait(timeout=10) == 126
        assert process.stderr is not None
        assert process.stderr.read().startswith(b"forward: ")
