"""What `docker inspect` shows, what listens, who gets in, and what a reader may write: nothing."""

import json
import re
import subprocess
from typing import Any

import psutil
import pytest

from infra.credentials import StackCredentials
from infra.reach_stack import PROJECT
from tests.support import break_ins
from tests.support.listening import listening_addresses
from tests.support.stack import (
    ENGINE,
    Stack,
    assert_exactly_once,
    docker,
    logins_of_strangers,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

_MOST_MEMORY = 7 * 1024**3
_SECRETS_FOLDER = "/run/tapehouse"
# As infra/container_rules.py has it, which would bring Pulumi's runtime into the tests.
_CARRIER_LABEL = "dev.tapehouse.carrier-of"


@pytest.fixture(scope="module")
def inspected(stack: Stack) -> dict[str, dict[str, Any]]:
    """What the engine tells of each container, jobs included, by service."""
    found = stack.containers()
    whole = {one["Id"]: one for one in ENGINE.inspect(*(one.id for one in found.values()))}
    return {name: whole[one.id] for name, one in found.items()}


@pytest.fixture(scope="module")
def carriers(stack: Stack) -> dict[str, dict[str, Any]]:
    """The same of those that each service's files are written through, by name."""
    found = ENGINE.containers({_CARRIER_LABEL: f"{PROJECT}-{stack.name}"})
    return {one["Name"].lstrip("/"): one for one in ENGINE.inspect(*(each.id for each in found))}


def test_no_container_has_more_than_it_needs(inspected: dict[str, dict[str, Any]]) -> None:
    assert len(inspected) >= 10
    for name, one in inspected.items():
        host = one["HostConfig"]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["Config"]["User"]), name
        assert host["ReadonlyRootfs"] is True, name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert any("no-new-privileges" in option for option in host["SecurityOpt"]), name
        assert host["Memory"] > 0, name
        assert host["MemorySwap"] == host["Memory"], name
        assert {limit["Name"] for limit in host["Ulimits"]} >= {"nproc"}, name
        assert {"max-size", "max-file"} <= set(host["LogConfig"]["Config"]), name
        assert all("size=" in options for options in host["Tmpfs"].values()), name
        assert not host["Binds"] or all(not b.startswith("/") for b in host["Binds"]), name
        assert {mount["Type"] for mount in one["Mounts"]} <= {"volume", "tmpfs"}, name
        assert not host["Devices"], name
        assert host["PidMode"] in {"", "private"}, name
        assert host["NetworkMode"] != "host", name


def test_what_carries_files_never_runs_and_has_no_more_than_it_needs(
    stack: Stack, carriers: dict[str, dict[str, Any]]
) -> None:
    assert set(carriers) == {f"{one.name}-files" for one in stack.containers().values()}
    for name, one in carriers.items():
        host = one["HostConfig"]
        assert one["State"]["Status"] == "created", name
        assert one["State"]["StartedAt"].startswith("0001-01-01"), name
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["Config"]["User"]), name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert any("no-new-privileges" in option for option in host["SecurityOpt"]), name
        assert 0 < host["Memory"] == host["MemorySwap"], name
        assert host["NetworkMode"] == "none", name
        assert host["RestartPolicy"]["Name"] in {"", "no"}, name
        assert not host["PortBindings"], name
        assert {mount["Type"] for mount in one["Mounts"]} == {"volume"}, name


def test_together_they_stay_below_seven_gibibytes(stack: Stack) -> None:
    assert sum(one.memory_bytes for one in stack.services().values()) <= _MOST_MEMORY


def test_no_process_inside_is_root_or_could_become_it(inspected: dict[str, dict[str, Any]]) -> None:
    for name, one in inspected.items():
        pid = one["State"]["Pid"]
        if not pid:
            continue
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            assert process.uids().real != 0, name
            status = _proc_status(process.pid)
            assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, name
            assert status["NoNewPrivs"] == "1", name


def test_nothing_can_be_written_but_what_is_kept(stack: Stack) -> None:
    for name, one in stack.services().items():
        for path in ("/intruder", "/usr/bin/intruder", f"{_SECRETS_FOLDER}/intruder"):
            done = ENGINE.run_in(one.name, ("python3", "-c", f"open({path!r}, 'w')"))
            assert done.returncode != 0, (name, path)


def test_no_secret_is_shown_anywhere(
    stack: Stack, inspected: dict[str, dict[str, Any]], carriers: dict[str, dict[str, Any]]
) -> None:
    known = (stack.secret, *StackCredentials.derive(stack.secret).secrets())
    assert len(known) > 10
    shown = {f"inspect {name}": json.dumps(one) for name, one in (inspected | carriers).items()}
    shown |= {f"log of {name}": ENGINE.logs(one["Id"], 100_000) for name, one in inspected.items()}
    for name, one in inspected.items():
        image = one["Image"]
        shown[f"image of {name}"] = docker("image", "inspect", image)
        shown[f"layers of {name}"] = docker("image", "history", "--no-trunc", image)
        if one["State"]["Pid"]:
            shown[f"processes of {name}"] = docker("top", one["Id"], "-eo", "pid,args")
    for path in stack.home.rglob("*.json*"):
        shown[f"state {path.name}"] = path.read_text(errors="replace")
    shown["stack's config"] = (stack.project / f"Pulumi.{stack.name}.yaml").read_text()
    shown["outputs"] = stack.pulumi("stack", "output", "--stack", stack.name).text
    leaked = [place for place, text in shown.items() if any(secret in text for secret in known)]
    assert leaked == []


def test_the_placeholders_of_the_structure_are_in_no_container(
    inspected: dict[str, dict[str, Any]], carriers: dict[str, dict[str, Any]]
) -> None:
    """A placeholder in an environment is where a secret would have leaked."""
    for name, one in (inspected | carriers).items():
        assert "placeholder-" not in json.dumps(one), name


def test_one_port_is_open_and_on_loopback_alone(
    stack: Stack, listening_before: frozenset[str]
) -> None:
    published = [one for each in stack.containers().values() for one in each.published]
    assert published == [f"127.0.0.1:{stack.config['dashboardPort']}"]
    opened = listening_addresses() - listening_before
    assert {one for one in opened if not _is_ours_for_a_moment(one)} == set(published)


def test_fifty_default_and_anonymous_logins_are_refused(stack: Stack) -> None:
    results = logins_of_strangers(stack)
    assert len(results) >= 50
    assert break_ins.unproven(results) == []


@pytest.mark.parametrize("service", ["dashboard", "console"])
def test_the_readers_key_and_token_write_nothing(stack: Stack, service: str) -> None:
    results = stack.tried(service, break_ins.READERS_WRITES)
    assert len(results) >= 20
    assert break_ins.unproven(results) == []
    assert_exactly_once(stack)


@pytest.mark.parametrize("service", ["dashboard", "console"])
def test_who_reads_reaches_the_readers_path_alone(stack: Stack, service: str) -> None:
    results = stack.tried(service, break_ins.READER_REACHES)
    assert set(results) <= set(stack.services())
    assert break_ins.unproven(results, answered=False) == []


def test_the_console_has_no_way_out(stack: Stack) -> None:
    (found,) = ENGINE.inspect(stack.containers()["console"].id)
    (network,) = found["NetworkSettings"]["Networks"]
    assert json.loads(docker("network", "inspect", network))[0]["Internal"] is True


def _proc_status(pid: int) -> dict[str, str]:
    done = subprocess.run(
        ["cat", f"/proc/{pid}/status"], capture_output=True, text=True, check=True
    )
    return dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)


def _is_ours_for_a_moment(address: str) -> bool:
    """A listener of this test run itself, such as the browser's or Pulumi's."""
    port = int(address.rpartition(":")[2])
    family = {p.pid for p in psutil.Process().children(recursive=True)} | {psutil.Process().pid}
    return any(
        one.laddr.port == port and one.pid in family
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN
    )
