"""Faults on demand: each does what its name says, and the same again for the same seed."""

import pytest

from catalog.errors import SettingsError
from ingest.faults import LATE_FRAMES, MALFORMED, Cut, FaultInjector, Faults
from ingest.finnhub import parse_frame

FRAMES = [f"frame {number}" for number in range(400)]


def bend(**faults):
    injector = FaultInjector(Faults(**faults), seed=3)
    return [out for frame in FRAMES for out in injector.bend(frame)] + injector.rest()


def test_without_faults_frames_pass_as_they_are():
    assert bend() == FRAMES


def test_the_same_seed_gives_the_same_faults():
    chosen = {"late": 0.1, "duplicate": 0.1, "out_of_order": 0.1, "malformed": 0.1}
    assert bend(**chosen) == bend(**chosen)


def test_a_duplicate_comes_three_times():
    out = bend(duplicate=0.1)
    assert {out.count(frame) for frame in FRAMES} == {1, 3}


@pytest.mark.parametrize("fault", ["late", "out_of_order"])
def test_late_and_out_of_order_lose_nothing(fault):
    out = bend(**{fault: 0.2})
    assert out != FRAMES
    assert sorted(out) == sorted(FRAMES)


def test_out_of_order_changes_places_with_the_next():
    out = bend(out_of_order=0.05)
    moved = [number for number, frame in enumerate(FRAMES) if out.index(frame) != number]
    assert moved
    assert all(abs(out.index(FRAMES[number]) - number) <= 2 for number in moved)


def test_late_comes_fifty_frames_later():
    out = bend(late=0.02)
    shifts = [out.index(frame) - number for number, frame in enumerate(FRAMES)]
    assert LATE_FRAMES - 5 <= max(shifts) <= LATE_FRAMES + 5


def test_a_malformed_frame_comes_beside_the_true_one():
    out = bend(malformed=0.1)
    assert [frame for frame in out if frame in set(FRAMES)] == FRAMES
    assert {frame for frame in out if frame not in set(FRAMES)} <= set(MALFORMED)
    assert len(out) > len(FRAMES)


@pytest.mark.parametrize("frame", MALFORMED)
def test_every_malformed_frame_is_rejected(frame):
    parsed = parse_frame(frame, 1_760_000_000_000_000, "test")
    assert len(parsed.rejections) == 1
    assert not parsed.trades


@pytest.mark.parametrize(("fault", "cut"), [("half_open", Cut.HALF_OPEN), ("close", Cut.CLOSE)])
def test_the_connection_itself_may_be_hit(fault, cut):
    assert cut in bend(**{fault: 0.05})


def test_faults_are_read_from_the_command_line():
    assert Faults.parse(["duplicate=0.01", "half-open=1"]) == Faults(duplicate=0.01, half_open=1.0)


@pytest.mark.parametrize("text", ["late", "late=", "late=2", "late=-1", "nothing=0.1", "late=nan"])
def test_what_is_no_fault_says_how_to_write_one(text):
    with pytest.raises(SettingsError, match="name=probability"):
        Faults.parse([text])
