"""Containers as `docker inspect` shows them, and errors as commands inside them end."""

import pytest

from catalog.errors import (
    BrokerError,
    InstallError,
    MomentError,
    QueryError,
    RecordingError,
    ServiceError,
    SettingsError,
)
from infra.engine import STACK_LABEL, Container, Engine
from infra.exit_codes import error_of
from tests.support.fake_docker import container, install


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"health": "starting"}, False),
        ({"health": "unhealthy"}, False),
        ({"health": "none"}, True),
        ({"state": "exited"}, False),
        ({"state": "restarting"}, False),
        ({"job": True, "state": "exited", "health": "unhealthy"}, True),
        ({"job": True, "state": "exited", "exit_code": 1}, False),
        ({"job": True, "state": "running"}, True),
    ],
)
def test_what_is_good_for_a_service_and_for_a_job(changes, good):
    assert Container.parse(container("kafka", **changes)).is_good is good


def test_a_container_is_read_as_it_is():
    ports = {"8501/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8600"}], "9000/tcp": None}
    found = Container.parse(container("dashboard", ports=ports, restarts=2))
    assert (found.name, found.service) == ("tapehouse-dev-dashboard", "dashboard")
    assert found.published == ("127.0.0.1:8600",)
    assert found.restarts == 2


def test_only_containers_with_the_label_are_found(tmp_path, monkeypatch):
    both = [container("kafka"), container("store", stack="other")]
    monkeypatch.setenv("PATH", install(tmp_path, both)["PATH"])
    assert [one.service for one in Engine().containers({STACK_LABEL: "dev"})] == ["kafka"]


def test_without_a_docker_command_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InstallError, match="install Docker's command line"):
        Engine().version()


def test_an_engine_that_does_not_answer_is_named_as_such(monkeypatch, tmp_path):
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match=r"Cannot connect.*DOCKER_HOST"):
        Engine().containers({STACK_LABEL: "dev"})


@pytest.mark.parametrize(
    "kind",
    [SettingsError, BrokerError, MomentError, QueryError, RecordingError, ServiceError],
)
def test_an_error_of_a_command_inside_is_the_same_error_outside(kind):
    error = error_of(kind.exit_code, b"what happened, and what to do\n", "dashboard")
    assert type(error) is kind
    assert str(error) == "what happened, and what to do"


@pytest.mark.parametrize(("code", "stderr"), [(137, b""), (1, b"Traceback ..."), (9, b"")])
def test_any_other_end_is_an_error_about_the_service(code, stderr):
    error = error_of(code, stderr, "dashboard")
    assert type(error) is ServiceError
    assert "dashboard" in str(error)
