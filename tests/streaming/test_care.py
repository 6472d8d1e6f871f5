import threading
from datetime import UTC, datetime, timedelta

import pytest

from catalog.schema import REJECTED, TRADES
from streaming.care import Courtesy
from streaming.keeper import Board
from streaming.merging import Stopped
from streaming.thinning import Times


class Waits(threading.Event):
    """An event that notes how long it is waited for, and never waits."""

    def __init__(self, then=lambda: None):
        super().__init__()
        self.waited = []
        self.then = then

    def wait(self, timeout=None):
        self.waited.append(timeout)
        self.then()
        return self.is_set()


def board(trigger, batch_ms):
    told = Board("test", "now")
    told.update_query(trigger_seconds=trigger, batch_ms=batch_ms)
    return told


@pytest.mark.parametrize(("trigger", "batch_ms"), [(2, 2000), (2, None), (None, None)])
def test_care_waits_for_nobody_while_micro_batches_are_in_time(trigger, batch_ms):
    stop = Waits()
    courtesy = Courtesy(board(trigger, batch_ms), stop)
    courtesy.between()
    courtesy.within()
    assert stop.waited == []


def test_after_an_act_care_waits_until_a_micro_batch_is_in_time_again():
    told = board(2, 5000)
    stop = Waits()
    stop.then = lambda: told.update_query(batch_ms=5000 if len(stop.waited) < 3 else 900)
    Courtesy(told, stop).between()
    assert stop.waited == [2, 2, 2]


def test_care_does_not_wait_for_ever():
    stop = Waits()
    Courtesy(board(2, 5000), stop).between()
    assert len(stop.waited) == 5


def test_within_an_act_care_waits_a_trigger_and_then_goes_on_for_one():
    stop = Waits()
    courtesy = Courtesy(board(2, 5000), stop)
    courtesy.within()
    courtesy.within()
    assert stop.waited == [2]


def test_an_act_under_way_ends_when_all_does():
    stop = Waits()
    stop.set()
    with pytest.raises(Stopped):
        Courtesy(board(2, 100), stop).within()


class TestTimes:
    @pytest.fixture(autouse=True)
    def _times(self, tmp_path):
        self.now = datetime(2026, 1, 2, tzinfo=UTC)
        self.path = tmp_path / "care" / "orphans.json"
        self.times = Times(self.path, lambda: self.now)

    def test_the_first_start_counts(self):
        first = self.now
        assert self.times.read(TRADES) == first
        self.now += timedelta(days=1)
        assert Times(self.path, lambda: self.now).read(TRADES) == first

    def test_each_table_has_its_own_time(self):
        first = self.times.read(TRADES)
        self.now += timedelta(days=1)
        self.times.write(REJECTED)
        assert self.times.read(TRADES) == first
        assert self.times.read(REJECTED) == self.now

    def test_a_garbled_file_is_as_none(self):
        self.times.read(TRADES)
        self.path.write_text("{")
        self.now += timedelta(days=1)
        assert self.times.read(TRADES) == self.now
