from datetime import UTC, datetime, timedelta

import pytest

from catalog.errors import LakeError, MomentError
from catalog.history import History, Snapshot
from catalog.moments import LIVE, Moment
from catalog.schema import TABLES
from catalog.settings import LakeSettings
from serving import shared_lake
from serving.shared_lake import SharedLake

T = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def snapshot(number: int, seconds: int) -> Snapshot:
    return Snapshot(number, number - 1 or None, T + timedelta(seconds=seconds), "append", {})


class FakeLake:
    """Tells histories: `trades` has snapshots 1 to 5, the other tables what `others` says."""

    def __init__(self, others=(1,)) -> None:
        self.asked = 0
        self.newest = 5
        self.others = others

    def histories(self):
        self.asked += 1
        trades, *rest = (table.name for table in TABLES)
        kept = tuple(snapshot(number, number) for number in range(1, self.newest + 1))
        return (
            History(trades, kept, {}),
            *(History(name, tuple(snapshot(n, n) for n in self.others), {}) for name in rest),
        )


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


class Opening:
    """In the place of the class `Lake`: `opened` are all that were, `following` comes next."""

    def __init__(self) -> None:
        self.opened = []
        self.following = FakeLake()

    def open(self, settings, *, memory_limit):
        self.opened.append(self.following)
        return self.following


@pytest.fixture
def lakes(monkeypatch):
    opening = Opening()
    monkeypatch.setattr(shared_lake, "Lake", opening)
    return opening


@pytest.fixture
def shared(lakes, clock):
    return SharedLake(LakeSettings(_env_file=None), clock=clock)


def test_one_lake_serves_all_until_it_ages(shared, lakes, clock):
    for _ in range(2):
        with shared.asking() as lake:
            assert lake is lakes.opened[0]
    assert len(lakes.opened) == 1
    clock.now = 601
    with shared.asking():
        assert len(lakes.opened) == 2


@pytest.mark.parametrize(("error", "opened"), [(LakeError, 2), (MomentError, 1), (ValueError, 1)])
def test_a_lake_that_does_not_answer_is_opened_anew(shared, lakes, error, opened):
    with pytest.raises(error), shared.asking():
        raise error("no")
    with shared.asking():
        assert len(lakes.opened) == opened


def test_histories_are_asked_for_when_what_is_known_is_too_old(shared, lakes, clock):
    first = shared.histories()
    clock.now = 9
    assert shared.histories() is first
    assert shared.histories(5.0) is not first
    clock.now = 99
    shared.histories()
    assert lakes.opened[0].asked == 3


def test_a_moment_newer_than_what_is_known_is_looked_for(shared, lakes):
    shared.histories()
    lakes.opened[0].newest = 6
    assert shared.resolve(Moment(snapshot_id=6)).snapshot_ids["trades"] == 6
    with pytest.raises(MomentError):
        shared.resolve(Moment(snapshot_id=7))


@pytest.mark.parametrize(
    ("here", "by", "there"),
    [
        (LIVE, -1, Moment(snapshot_id=4)),
        (LIVE, 1, LIVE),
        (Moment(snapshot_id=3), -1, Moment(snapshot_id=2)),
        (Moment(snapshot_id=3), 1, Moment(snapshot_id=4)),
        (Moment(snapshot_id=4), 1, LIVE),
        (Moment(time=T + timedelta(seconds=3.5)), -1, Moment(snapshot_id=2)),
    ],
)
def test_a_step_goes_to_the_next_kept_moment(shared, here, by, there):
    assert shared.step(here, by) == there


def test_there_is_no_step_before_the_oldest(shared):
    with pytest.raises(MomentError, match="expired"):
        shared.step(Moment(snapshot_id=1), -1)


def test_a_step_passes_over_what_another_table_no_longer_has(shared, lakes):
    # Their first was committed with the fourth of the trades: what was before is gone.
    lakes.following = FakeLake(others=(4,))
    with pytest.raises(MomentError, match="expired"):
        shared.step(Moment(snapshot_id=4), -1)
    assert shared.step(LIVE, -1) == Moment(snapshot_id=4)
