import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pyarrow as pa
import pytest
from pulumi import ErrorHookArgs

from catalog.errors import LakeError, ServiceError
from infra import stack
from infra.config import StackSettings
from infra.delivery import delivered_files
from infra.engine import SERVICE_LABEL, Container
from infra.health import Running
from infra.hooks import last_words
from infra.reach_stack import StackReach
from infra.service import File, Preparation, Service
from infra.verification import verify, verify_flow
from serving.console.wire import Outcome

SERVICES = (
    Service("kafka", ("kafka",), Running(), 64, probe=("ask",)),
    Service("topics", ("job",), Running(), 64, job=True),
)


def inspected(name: str, *, state="running", health="healthy", exit_code=0, restart="no"):
    """One element of what `docker inspect` prints."""
    return {
        "Id": name,
        "Name": f"/{name}",
        "Config": {"Labels": {SERVICE_LABEL: name.removeprefix("p-")}},
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
    """An engine with containers of one's choice; `probes` are their exit codes, in turn.

    `answers` is what commands in a container say instead, in turn and then always the last.
    """

    found: dict[str, Any]
    probes: list[int] = field(default_factory=lambda: [0])
    log: str = "first\nlast\n"
    answers: dict[str, list[subprocess.CompletedProcess]] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def inspect(self, *names):
        return [self.found[name] for name in names if name in self.found]

    def containers(self, labels):
        return tuple(Container.parse(one) for one in self.found.values())

    def run_in(self, name, command, stdin=b"", seconds=60.0):
        self.asked.append((name, *command))
        if name in self.answers:
            return _next(self.answers[name])
        return subprocess.CompletedProcess([], _next(self.probes))

    def ask_in(self, name, command, question):
        return self.run_in(name, command, question)

    def logs(self, name, lines=20):
        return self.log


def _next(answers):
    return answers.pop(0) if len(answers) > 1 else answers[0]


def told(stored, latest, query="q"):
    """What `python -m streaming --status` prints; None where nothing is known to be stored."""
    known = {"latest": latest} if stored is None else {"stored": stored, "latest": latest}
    status = {"query": {"id": query}, "offsets": {"stock-ticks": {"0": known}}}
    return subprocess.CompletedProcess([], 0, json.dumps(status).encode(), b"")


def failed(error):
    """One of our modules that ends with an error."""
    return subprocess.CompletedProcess([], error.exit_code, b"", str(error).encode())


def counted():
    """What the dashboard's and the console's container print."""
    sink = pa.BufferOutputStream()
    Outcome(pa.table({"count_star()": [7]}), "", 0.5).write(sink)
    return subprocess.CompletedProcess([], 0, sink.getvalue().to_pybytes(), b"")


def flow(stream, dashboard=(), console=(), *, simulated=True, patience=0.0):
    """Ask a stack whose stream, dashboard and console say this, in turn."""
    found = {f"p-{name}": inspected(f"p-{name}") for name in ("stream", "dashboard", "console")}
    answers = {
        "p-stream": list(stream),
        "p-dashboard": [*dashboard, counted()],
        "p-console": [*console, counted()],
    }
    engine = StandIn(found, answers=answers)
    verify_flow(engine, "p", StackReach("test", engine), patience, simulated=simulated)


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


def test_trades_flow_when_more_are_stored_than_at_the_first_look():
    starting = (failed(ServiceError("not yet")), told(None, 5, query=None))
    flow([*starting, told(None, 5), told(5, 9)], patience=30)
    flow([told(5, 9), told(9, 12)], simulated=False, patience=30)


def test_a_market_may_rest_once_all_is_stored_and_a_simulator_never():
    flow([told(5, 5)], simulated=False)
    with pytest.raises(
        ServiceError, match=r"service producer, stream failed: .*no new one"
    ) as caught:
        flow([told(5, 5)])
    assert "The last lines of the log of producer:\n    first\n    last" in str(caught.value)


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize("stuck", [told(5, 9), told(None, 0), told(5, 5, query=None)])
def test_trades_that_wait_are_the_streams_failure(stuck, simulated):
    with pytest.raises(
        ServiceError, match="service stream failed: every container is healthy, but"
    ):
        flow([stuck], simulated=simulated)


def test_a_stream_that_is_silent_is_named_with_what_it_said():
    with pytest.raises(ServiceError, match=r"service stream failed: .* it is out of memory"):
        flow([failed(ServiceError("it is out of memory"))])


@pytest.mark.parametrize("name", ["dashboard", "console"])
def test_who_cannot_read_the_table_is_named_with_the_reason(name):
    refused = {name: [failed(LakeError("the store refused the key"))]}
    with pytest.raises(ServiceError, match=rf"service {name} failed: .* the store refused the key"):
        flow([told(5, 5)], **refused, simulated=False)
    flow([told(5, 5)], **refused, simulated=False, patience=30)


@pytest.mark.parametrize(
    ("has_token", "names", "asked"),
    [
        (False, ("simulator", "stream", "console", "dashboard"), [True]),
        (True, ("stream", "console", "dashboard"), [False]),
        (False, ("dashboard",), []),
    ],
)
def test_the_end_of_up_asks_for_a_trade_where_there_is_a_way_for_it(
    monkeypatch, has_token, names, asked
):
    found: list[bool] = []

    def note(engine, prefix, reach, patience, *, simulated):
        assert (prefix, reach.topic, patience) == ("tapehouse-dev", "stock-ticks", 5)
        found.append(simulated)

    monkeypatch.setattr(stack, "verify_flow", note)
    engine = StandIn(
        {f"tapehouse-dev-{name}": inspected(f"tapehouse-dev-{name}") for name in names}
    )
    services = [Service(name, (name,), Running(), 64, probe=("ask",)) for name in names]
    settings = StackSettings(has_token=has_token, patience_seconds=5)
    assert stack._verify(engine, settings, services)
    assert found == asked


def test_what_does_not_flow_fails_the_run(monkeypatch):
    def refuse(*_, **__):
        raise ServiceError("service stream failed: for a reason")

    monkeypatch.setattr(stack, "verify", lambda *_: None)
    monkeypatch.setattr(stack, "verify_flow", refuse)
    services = [
        Service(name, (name,), Running(), 64) for name in ("stream", "console", "dashboard")
    ]
    with pytest.raises(pulumi.RunError, match="service stream failed: for a reason"):
        stack._verify(StandIn({}), StackSettings(), services)


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
