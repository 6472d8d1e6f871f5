import json
import random
import socket

import pytest

from catalog.errors import ServiceError
from infra.ports import LOOPBACK, any_free_port, check_free, ensure_ports, is_free


@pytest.fixture
def taken_port():
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_ports_are_remembered(tmp_path):
    path = tmp_path / "ports.json"
    first = ensure_ports(path, ("a", "b"), random.Random(1))
    assert ensure_ports(path, ("a", "b"), random.Random(2)) == first


def test_ports_differ_and_lie_below_those_of_outgoing_connections(tmp_path):
    names = [f"service{i}" for i in range(50)]
    ports = ensure_ports(tmp_path / "ports.json", names)
    assert len(set(ports.values())) == len(names)
    assert all(20_000 <= port < 32_000 for port in ports.values())


def test_a_remembered_port_that_is_taken_meanwhile_is_replaced(tmp_path, taken_port):
    path = tmp_path / "ports.json"
    path.write_text(json.dumps({"a": taken_port, "b": any_free_port()}))
    before = json.loads(path.read_text())
    after = ensure_ports(path, ("a", "b"))
    assert after["a"] != taken_port
    assert after["b"] == before["b"]
    assert json.loads(path.read_text()) == after


def test_a_new_service_gets_a_port_beside_the_remembered_ones(tmp_path):
    path = tmp_path / "ports.json"
    first = ensure_ports(path, ("a",))
    both = ensure_ports(path, ("a", "b"))
    assert both["a"] == first["a"]
    assert both["b"] != both["a"]


def test_a_taken_port_is_refused_with_the_option_that_chooses_another(taken_port):
    assert not is_free(taken_port)
    with pytest.raises(ServiceError, match=rf"Port {taken_port} .*--port") as caught:
        check_free(taken_port, "--port")
    assert caught.value.exit_code == 4
