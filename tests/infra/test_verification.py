import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi import ErrorHookArgs

from catalog.errors import ServiceError
from infra.delivery import delivered_files
from infra.health import Running
from infra.hooks import last_words
from infra.service import File, Preparation, Service
from infra.verification import verify

SERVICES = (
    Service("kafka", ("kafka",), Running(), 64, probe=("ask",)),
    Service("topics", ("job",), Running(), 64, job=True),
)


def inspected(name: str, *, state="running", health="healthy", exit_code=0, restart="no"):
    """One element of what `docker inspect` prints."""
    return {
        "Id": name,
        "Name": f"/{name}",
        "Config": {"Labels": {}},
        "State": {
            "Status": state,
            "ExitCode": exit_code,
            "StartedAt": "now",
            "Health": {"Status": health},
        },
        "HostConfig": {"RestartPolicy": {"Name": restart}, "Memory": 0},
        "NetworkSettings": {"Ports": {}},
        "RestartCount": 0,
    }


GOOD = {
    "p-kafka": inspected("p-kafka", restart="unless-stopped"),
    "p-topics": inspected("p-topics", state="exited", health="unhealthy"),
}


@dataclass
class StandIn:
    """An engine with containers of one's choice; `probes` are their exit codes, in turn."""

    found: dict[str, Any]
    probes: list[int] = field(default_factory=lambda: [0])
    log: str = "first\nlast\n"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def inspect(self, *names):
        return [self.found[name] for name in names if name in self.found]

    def run_in(self, name, command, stdin=b""):
        self.asked.append((name, *command))
        code = self.probes.pop(0) if len(self.probes) > 1 else self.probes[0]
        return subprocess.CompletedProcess([], code)

    def logs(self, name, lines=20):
        return self.log


def test_services_that_answer_and_jobs_that_ended_well_are_good():
    engine = StandIn(GOOD)
    verify(engine, "p", SERVICES, patience=0)
    assert engine.asked == [("p-kafka", "ask")]


def test_a_job_that_still_lingers_is_good_too():
    lingering = inspected("p-topics", state="running", health="healthy")
    verify(StandIn(GOOD | {"p-topics": lingering}), "p", SERVICES, patience=0)


def test_a_service_that_is_being_started_again_gets_time():
    verify(StandIn(GOOD, probes=[1, 1, 0]), "p", SERVICES, patience=10)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"p-kafka": None}, "service kafka failed: its container is gone"),
        (
            {"p-kafka": inspected("p-kafka", state="exited", exit_code=137, restart="always")},
            "service kafka failed: exited with code 137",
        ),
        (
            {"p-kafka": inspected("p-kafka", health="unhealthy", restart="always")},
            "service kafka failed: running, unhealthy",
        ),
        (
            {"p-topics": inspected("p-topics", state="exited", exit_code=1)},
            r"service topics failed: exited with code 1\. .* pulumi up --replace '\*\*::topics'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_last_words(changed, message):
    found = {name: one for name, one in (GOOD | changed).items() if one}
    with pytest.raises(ServiceError, match=message) as caught:
        verify(StandIn(found), "p", SERVICES, patience=0)
    gone = changed == {"p-kafka": None}
    assert ("    last" in str(caught.value)) is not gone


def test_a_probe_is_believed_more_than_a_remembered_health():
    with pytest.raises(ServiceError, match="service kafka failed"):
        verify(StandIn(GOOD, probes=[1]), "p", SERVICES, patience=0)


def test_a_failed_creation_is_told_with_the_services_name_and_last_words():
    failure = ErrorHookArgs("urn", "", "kafka", "type", new_inputs={"name": "p-kafka"})
    text = last_words(StandIn(GOOD), failure)
    assert text.splitlines()[0] == "service kafka failed. The last lines of its log:"
    assert text.splitlines()[-1] == "    last"
    assert "before it said anything" in last_words(StandIn(GOOD, log=""), failure)


def test_a_services_files_are_its_secrets_its_texts_and_its_preparation():
    service = Service(
        "kafka",
        ("kafka",),
        Running(),
        64,
        secrets={"PASSWORD": "hidden", "UNSET": ""},
        files=(File(Path("/run/tapehouse/server.properties"), "a=b"),),
        preparation=Preparation(("format", "now"), Path("/data/kafka/done")),
    )
    assert delivered_files(service) == {
        "/run/tapehouse/prepare.json": (
            '{"command": ["format", "now"], "creates": "/data/kafka/done"}'
        ),
        "/run/tapehouse/secrets/PASSWORD": "hidden",
        "/run/tapehouse/server.properties": "a=b",
    }


def test_a_file_where_a_container_cannot_be_written_to_is_refused():
    stray = Service("x", ("x",), Running(), 64, files=(File(Path("/etc/passwd"), "x"),))
    with pytest.raises(ValueError, match="outside /run/tapehouse"):
        delivered_files(stray)
