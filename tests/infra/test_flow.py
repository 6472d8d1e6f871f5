import pytest

from catalog.errors import ServiceError
from infra import cli_run
from infra.flow import Flow

TOPIC = "stock-ticks"


def status(*places: dict[str, int], query: str | None = "q"):
    """What the keeper tells of the topic's topic partitions."""
    return {"query": {"id": query}, "offsets": {TOPIC: dict(enumerate(places))}}


def seen(*statuses) -> Flow:
    flow = Flow(TOPIC)
    for one in statuses:
        flow.note(one)
    return flow


def test_nothing_counts_before_the_query_runs():
    flow = seen(status({"stored": 7, "latest": 7}, query=None))
    assert not flow.runs
    assert not flow.is_caught_up
    flow.note(status({"stored": 9, "latest": 9}))
    assert flow.runs
    assert not flow.grew


def test_one_more_in_any_topic_partition_is_growth():
    first = status({"stored": 7, "latest": 9}, {"latest": 3})
    assert not seen(first, first).grew
    assert seen(first, status({"stored": 7, "latest": 9}, {"stored": 1, "latest": 3})).grew


@pytest.mark.parametrize(
    ("places", "caught_up"),
    [
        ([], False),
        ([{"stored": 3, "latest": 3}, {"stored": 0, "latest": 0}], True),
        ([{"stored": 3, "latest": 3}, {"latest": 0}], False),
        ([{"stored": 9, "latest": 9}, {"stored": 3, "latest": 4}], False),
    ],
)
def test_all_is_stored_when_that_is_known_of_every_topic_partition(places, caught_up):
    assert seen(status(*places)).is_caught_up is caught_up


class StandIn:
    """An instance whose keeper tells this, in turn."""

    topic = TOPIC

    def __init__(self, *statuses, has_feed=True):
        self.has_feed = has_feed
        self.statuses = list(statuses)
        self.asked = 0

    def keeper_status(self):
        self.asked += 1
        told = self.statuses.pop(0)
        if isinstance(told, Exception):
            raise told
        return told

    def describe(self):
        return {"services": {}, "dashboard": None}


@pytest.mark.parametrize(
    ("reach", "looks"),
    [
        (
            StandIn(
                ServiceError("not yet"),
                status({"latest": 5}, query=None),
                status({"stored": 5, "latest": 5}),
                status({"stored": 5, "latest": 5}),
                status({"stored": 6, "latest": 9}),
                status(),
            ),
            5,
        ),
        (StandIn(status({"stored": 5, "latest": 5}), status(), has_feed=False), 1),
    ],
    ids=["with a feed", "without one"],
)
def test_waiting_looks_once_a_second_until_trades_flow(monkeypatch, reach, looks):
    slept: list[float] = []
    monkeypatch.setattr(cli_run, "reach_of", lambda home, stack: reach)
    monkeypatch.setattr(cli_run.time, "sleep", slept.append)
    cli_run.status(wait=True, as_json=True)
    # One more look for the report.
    assert reach.asked == looks + 1
    assert slept == [1.0] * (looks - 1)
