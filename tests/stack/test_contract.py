"""What every flavour of store and catalog must do, and every number of workers."""

import json
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support import break_ins
from tests.support.instance import wait_until
from tests.support.stack import (
    MadeStack,
    Stack,
    assert_data_outlive_destroy,
    assert_exactly_once,
    docker,
    logins_of_strangers,
    running,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=["seaweedfs", "minio"])
def flavour(request: pytest.FixtureRequest, make_stack) -> Iterator[Stack]:
    """SeaweedFS with two workers and data that stay, brought up and down as `make` does it; MinIO
    is the stack that all tests share."""
    if request.param == "minio":
        yield request.getfixturevalue("stack")
        return
    config = {"store": "seaweedfs", "workers": "2", "lifecycle": "retain"}
    with running(make_stack("weed", MadeStack, **config)) as one:
        one.wait_until_well()
        yield one


def test_trades_flow_and_each_is_there_once(flavour: Stack) -> None:
    rows = flavour.count()
    wait_until(lambda: flavour.count() > rows, 60, "more trades", every=1)
    assert_exactly_once(flavour)


def test_a_snapshot_answers_as_it_did(flavour: Stack) -> None:
    kept = json.loads(flavour.cli("snapshots", "--format", "json").out)
    chosen = kept[-1]
    (row,) = flavour.sql("SELECT count(*) AS n FROM trades", "--as-of", str(chosen["snapshot_id"]))
    assert row["n"] == chosen["total_rows"]


def test_the_page_is_served(flavour: Stack) -> None:
    with urllib.request.urlopen(f"{flavour.dashboard_url()}/_stcore/health", timeout=10) as answer:
        assert answer.status == 200


def test_a_replay_is_stored(flavour: Stack) -> None:
    recording = flavour.project / "tests" / "data" / "made-up.frames.jsonl"
    outcome = json.loads(flavour.cli("replay", str(recording), "--speed", "max", "--json").out)
    assert outcome["sent"] == outcome["acknowledged"] == outcome["stored"] > 0


def test_strangers_are_refused(flavour: Stack) -> None:
    results = logins_of_strangers(flavour)
    assert len(results) >= 50
    assert break_ins.unproven(results) == []


@pytest.mark.parametrize("service", ["dashboard", "console"])
def test_the_reader_writes_nothing(flavour: Stack, service: str) -> None:
    results = flavour.tried(service, break_ins.READERS_WRITES)
    assert len(results) >= 20
    assert break_ins.unproven(results) == []
    assert_exactly_once(flavour)


def test_every_worker_takes_part(flavour: Stack) -> None:
    workers = [name for name in flavour.services() if "worker" in name]
    assert len(workers) == int(flavour.config.get("workers", "1"))
    for name in workers:
        shown = docker("top", flavour.containers()[name].name, "-eo", "pid,args")
        assert "CoarseGrainedExecutorBackend" in shown, name


def test_what_is_retained_outlives_destroy_and_is_taken_up_again(flavour: Stack) -> None:
    if flavour.config.get("lifecycle") != "retain":
        pytest.skip("this stack's data end with it until test_survival.py retains them")
    assert_data_outlive_destroy(flavour)
