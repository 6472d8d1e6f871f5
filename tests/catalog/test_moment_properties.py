"""Resolution against a past that is known whole: the right snapshot or an error, never another."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import MomentError
from catalog.moments import LIVE, History, Moment, Snapshot, resolve

START = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
NAMES = ("trades", "rejected", "feed_events")
NOW = START + timedelta(hours=1)


@dataclass(frozen=True)
class Past:
    """Every commit that ever was, by table, and the ids that are kept."""

    commits: dict[str, tuple[Snapshot, ...]]
    kept: dict[str, set[int]]
    tags: dict[str, dict[str, int]]

    @property
    def histories(self):
        return [
            History(
                name,
                tuple(s for s in self.commits[name] if s.snapshot_id in self.kept[name]),
                self.tags[name],
            )
            for name in NAMES
        ]

    def tip_at(self, name, time):
        """What truly was the tip, kept or not."""
        return next((s for s in reversed(self.commits[name]) if s.committed_at <= time), None)

    def can_be_known(self, name, snapshot):
        """Whether it is kept, and what came after it: or nobody could tell when it ended."""
        commits = self.commits[name]
        after = commits[commits.index(snapshot) + 1 :][:1]
        return {s.snapshot_id for s in (snapshot, *after)} <= self.kept[name]


def committed(first_id, gaps):
    seconds, parent, made = 0, None, []
    for number, gap in enumerate(gaps, start=first_id):
        seconds += gap
        made.append(Snapshot(number, parent, START + timedelta(seconds=seconds), "append", {}))
        parent = number
    return tuple(made)


@st.composite
def pasts(draw):
    commits = {
        name: committed(
            1000 * place, [0, *draw(st.lists(st.integers(0, 9), min_size=1, max_size=9))]
        )
        for place, name in enumerate(NAMES, start=1)
    }
    kept = {
        name: {made[-1].snapshot_id} | draw(st.sets(st.sampled_from([s.snapshot_id for s in made])))
        for name, made in commits.items()
    }
    whole = Past(commits, {n: {s.snapshot_id for s in made} for n, made in commits.items()}, {})
    tags = {name: {} for name in NAMES}
    for tag in draw(st.sets(st.sampled_from("abc"))):
        chosen = draw(st.sampled_from(commits["trades"]))
        for name in NAMES:
            held = whole.tip_at(name, chosen.committed_at)
            snapshot = chosen if name == "trades" else held
            tags[name][tag] = snapshot.snapshot_id
            kept[name].add(snapshot.snapshot_id)
    return Past(commits, kept, tags)


def attempted(past, moment):
    """The answer and no error, or the other way round."""
    try:
        return resolve(moment, past.histories, NOW), None
    except MomentError as error:
        return None, error


def resolved(past, moment):
    answer, error = attempted(past, moment)
    assert error is None or set(error.nearest) <= past.kept["trades"]
    return answer


def check_companions(past, answer):
    for name in NAMES[1:]:
        truth = past.tip_at(name, answer.committed_at)
        assert answer.snapshot_ids[name] == truth.snapshot_id


@given(pasts(), st.integers(-3, 99))
def test_a_time_answers_with_what_was_the_tip_or_not_at_all(past, seconds):
    time = START + timedelta(seconds=seconds)
    truth = past.tip_at("trades", time)
    answer = resolved(past, Moment(time=time))
    if answer is not None:
        assert answer.snapshot_ids["trades"] == truth.snapshot_id
        assert answer.committed_at == truth.committed_at <= time
        check_companions(past, answer)


@given(pasts(), st.integers(-3, 99))
def test_a_time_is_an_error_only_where_something_is_gone(past, seconds):
    time = START + timedelta(seconds=seconds)
    truth = past.tip_at("trades", time)
    knowable = truth is not None and past.can_be_known("trades", truth)
    companions = knowable and all(
        past.can_be_known(name, past.tip_at(name, truth.committed_at)) for name in NAMES[1:]
    )
    answer = resolved(past, Moment(time=time))
    if not knowable:
        assert answer is None
    elif companions:
        assert answer is not None


@given(pasts(), st.data())
def test_an_id_is_that_snapshot_or_an_error(past, data):
    chosen = data.draw(st.sampled_from(past.commits["trades"]))
    answer = resolved(past, Moment(snapshot_id=chosen.snapshot_id))
    if chosen.snapshot_id not in past.kept["trades"]:
        assert answer is None
    elif answer is not None:
        assert answer.snapshot_ids["trades"] == chosen.snapshot_id
        check_companions(past, answer)


@given(pasts())
def test_a_tag_always_has_its_whole_moment_whatever_else_is_gone(past):
    for tag in past.tags["trades"]:
        answer = resolved(past, Moment(tag=tag))
        assert answer is not None
        assert answer.snapshot_ids == {name: past.tags[name][tag] for name in NAMES}
        by_id = resolved(past, Moment(snapshot_id=answer.snapshot_ids["trades"]))
        assert by_id is not None
        assert by_id.snapshot_ids == answer.snapshot_ids


@given(pasts())
def test_live_is_every_tip(past):
    answer = resolved(past, LIVE)
    assert answer.snapshot_ids == {n: past.commits[n][-1].snapshot_id for n in NAMES}


@given(pasts(), st.integers(-3, 99))
def test_what_an_error_offers_is_the_nearest_on_each_side_that_can_be_had(past, seconds):
    time = START + timedelta(seconds=seconds)
    _, error = attempted(past, Moment(time=time))
    if error is None:
        return
    whole = [
        s
        for s in past.commits["trades"]
        if s.snapshot_id in past.kept["trades"]
        and resolved(past, Moment(snapshot_id=s.snapshot_id))
    ]
    earlier = [s.snapshot_id for s in whole if s.committed_at <= time][-1:]
    later = [s.snapshot_id for s in whole if s.committed_at > time][:1]
    assert list(error.nearest) == [*earlier, *later]
    assert all(str(snapshot_id) in str(error) for snapshot_id in error.nearest)


@given(pasts(), st.integers(1, 10**6))
def test_the_future_is_an_error_that_offers_the_tip(past, seconds):
    with pytest.raises(MomentError, match="in the future") as raised:
        resolve(Moment(time=NOW + timedelta(seconds=seconds)), past.histories, NOW)
    assert raised.value.nearest == (past.commits["trades"][-1].snapshot_id,)
