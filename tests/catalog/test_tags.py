"""Tags: which names are allowed, what is to be done, and that it survives a killed process."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table import Transaction

from catalog import tags
from catalog.errors import MomentError, SettingsError
from catalog.moments import LIVE, History, Moment, ResolvedMoment, Snapshot
from catalog.schema import TABLES, TRADES
from catalog.tables import ensure_tables
from catalog.tags import (
    Step,
    Tags,
    check_name,
    check_users_name,
    plan_deletion,
    plan_sweep,
    plan_tag,
)
from tests.support.memory_catalog import MemoryCatalog

START = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
NOW = START + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize("name", ["a", "before-split", "v1.2_x", "2nd-try", "eod-2026-11-20"])
def test_a_name_may_be(name):
    check_name(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "letters, digits"),
        ("-a", "letters, digits"),
        ("a b", "letters, digits"),
        ("a/b", "letters, digits"),
        ("a'b", "letters, digits"),
        ("a\n", "letters, digits"),
        ("é", "letters, digits"),
        ("١٢", "letters, digits"),
        ("x" * 65, "letters, digits"),
        ("live", "newest snapshot"),
        ("123", "snapshot id"),
        ("2026-11-20", "a date"),
        ("2026-11-20T14.30", "a date"),
        ("2026-11", "a date"),
        ("20261120T1430", "a date"),
        ("main", "branch"),
    ],
)
def test_a_name_may_not_be(name, why):
    with pytest.raises(SettingsError, match=why):
        check_name(name)


@pytest.mark.parametrize("name", ["keep-60-1", "eod-2026-11-20"])
def test_a_user_may_not_take_a_name_that_care_gives(name):
    with pytest.raises(SettingsError, match="care of the tables"):
        check_users_name(name)


def histories(**tagged):
    """Two snapshots in each table, an hour and half an hour old; `tagged` are tags by table."""
    return [
        History(
            table.name,
            (
                Snapshot(place + 1, None, START, "append", {}),
                Snapshot(place + 2, place + 1, START + timedelta(minutes=30), "append", {}),
            ),
            tagged.get(table.name, {}),
        )
        for place, table in zip((10, 20, 30), TABLES, strict=True)
    ]


OLDER = ResolvedMoment(LIVE, START, {"trades": 11, "rejected": 21, "feed_events": 31})


def test_trades_come_last_for_there_is_the_commit_point():
    steps = plan_tag("a", OLDER, histories(), None, NOW)
    assert steps == [
        Step("rejected", "a", 21),
        Step("feed_events", "a", 31),
        Step("trades", "a", 11),
    ]


def test_a_time_to_keep_counts_from_now_whatever_the_age_of_a_snapshot():
    newer = ResolvedMoment(LIVE, START, {"trades": 11, "rejected": 22, "feed_events": 31})
    ages = {s.table: s.max_age_ms for s in plan_tag("a", newer, histories(), DAY, NOW)}
    assert ages == {
        "trades": (24 + 1) * 3_600_000,
        "rejected": int((24 + 0.5) * 3_600_000),
        "feed_events": (24 + 1) * 3_600_000,
    }


def test_a_name_that_is_taken_is_an_error_but_on_the_same_snapshot():
    taken = histories(trades={"a": 12})
    with pytest.raises(MomentError, match=r"already, on 12 .*tag a.*delete") as raised:
        plan_tag("a", OLDER, taken, None, NOW)
    assert raised.value.nearest == (12,)
    same = plan_tag("a", OLDER, histories(trades={"a": 11}), DAY, NOW)
    assert same[-1] == Step("trades", "a", 11, 25 * 3_600_000)


def test_strays_are_swept_and_a_stray_of_the_same_name_is_moved():
    strayed = histories(rejected={"a": 22, "b": 21}, feed_events={"c": 31}, trades={"c": 11})
    assert plan_sweep(strayed) == [Step("rejected", "a"), Step("rejected", "b")]
    steps = plan_tag("a", OLDER, strayed, None, NOW)
    assert steps[0] == Step("rejected", "b")
    assert Step("rejected", "a", 21) in steps
    assert Step("rejected", "a") not in steps


def test_a_deletion_begins_with_trades():
    tagged = histories(trades={"a": 11}, rejected={"a": 21, "b": 22}, feed_events={"a": 31})
    assert plan_deletion("a", tagged) == [
        Step("trades", "a"),
        Step("rejected", "a"),
        Step("feed_events", "a"),
        Step("rejected", "b"),
    ]


def test_a_deletion_that_was_cut_short_can_be_asked_for_again():
    assert plan_deletion("a", histories(feed_events={"a": 31})) == [Step("feed_events", "a")]


def test_a_tag_that_is_not_there_cannot_be_deleted():
    with pytest.raises(MomentError, match=r"no tag 'b'.*nearest: bb"):
        plan_deletion("b", histories(trades={"bb": 11}))


names = st.sampled_from("abc")
tagged = st.fixed_dictionaries({t.name: st.dictionaries(names, st.booleans()) for t in TABLES})


@given(tagged, names, st.booleans(), st.integers(0, 9))
def test_whatever_is_there_and_wherever_it_is_killed_the_same_act_again_ends_well(
    found, name, making, killed_at
):
    """A tag of the others is seen only through that of trades, so that is what must never lie."""
    firsts = {table.name: 11 + 10 * place for place, table in enumerate(TABLES)}
    state = {t: {n: firsts[t] + newer for n, newer in refs.items()} for t, refs in found.items()}
    before = dict(state["trades"])

    def act(steps_done):
        try:
            steps = (
                plan_tag(name, OLDER, histories(**state), None, NOW)
                if making
                else plan_deletion(name, histories(**state))
            )
        except MomentError:
            return False
        for step in steps[:steps_done]:
            if step.snapshot_id is None:
                state[step.table].pop(step.tag, None)
            else:
                state[step.table][step.tag] = step.snapshot_id
        return True

    act(killed_at)
    for other in set(before) - {name}:
        assert state["trades"][other] == before[other]
    if name in state["trades"] and making and state["trades"][name] == 11 != before.get(name):
        assert all(state[t][name] == OLDER.snapshot_ids[t] for t in state)
    if act(99):
        expected = {t: OLDER.snapshot_ids[t] for t in state} if making else {}
        assert {t: refs[name] for t, refs in state.items() if name in refs} == expected
        assert all(set(refs) <= set(state["trades"]) for refs in state.values())


@pytest.fixture
def lake(tmp_path: Path):
    stamina.set_testing(True, attempts=tags._ATTEMPTS, cap=True)
    catalog = MemoryCatalog(tmp_path)
    ensure_tables(catalog)
    yield catalog
    stamina.set_testing(False)


def refs(catalog):
    found = {t.name: catalog.load_table(t.identifier).metadata.refs for t in TABLES}
    return {
        name: {tag: ref.snapshot_id for tag, ref in one.items() if tag != "main"}
        for name, one in found.items()
    }


def tips(catalog):
    return {t.name: catalog.load_table(t.identifier).current_snapshot().snapshot_id for t in TABLES}


def append(catalog, table=TRADES):
    iceberg = catalog.load_table(table.identifier)
    iceberg.append(pa.Table.from_pylist([], schema=iceberg.schema().as_arrow()))


def test_a_tag_is_on_every_table_and_stays_where_it_is(lake):
    then = tips(lake)
    made = Tags(lambda: lake).make("a", LIVE)
    append(lake)
    assert made.resolved.snapshot_ids == then
    assert made.until is None
    assert refs(lake) == {name: {"a": snapshot_id} for name, snapshot_id in then.items()}


def test_a_tag_with_a_time_to_keep_says_until_when(lake):
    made = Tags(lambda: lake, lambda: datetime.now(UTC)).make("a", LIVE, DAY)
    table = lake.load_table(TRADES.identifier)
    age = table.metadata.refs["a"].max_ref_age_ms
    ends = table.current_snapshot().timestamp_ms + age
    assert abs(ends / 1000 - made.until.timestamp()) < 0.01


@pytest.mark.parametrize("keep", [timedelta(), timedelta(seconds=-1), timedelta(days=4000)])
def test_a_time_to_keep_has_bounds(lake, keep):
    with pytest.raises(SettingsError, match="a minute to ten years"):
        Tags(lambda: lake).make("a", LIVE, keep)


def test_a_tag_of_a_tag_and_of_an_id_is_its_snapshot(lake):
    then = tips(lake)
    one = Tags(lambda: lake)
    one.make("a", LIVE)
    append(lake)
    one.make("b", Moment(tag="a"))
    one.make("c", Moment(snapshot_id=then["trades"]))
    found = refs(lake)["trades"]
    assert found == dict.fromkeys("abc", then["trades"])


def test_a_deleted_tag_is_on_no_table(lake):
    one = Tags(lambda: lake)
    one.make("a", LIVE)
    one.make("b", LIVE)
    one.delete("a")
    assert all(set(found) == {"b"} for found in refs(lake).values())
    with pytest.raises(MomentError, match="no tag 'a'"):
        one.delete("a")


def test_a_sweep_takes_strays_away(lake):
    Tags(lambda: lake).make("a", LIVE)
    table = lake.load_table(TRADES.identifier)
    table.manage_snapshots().remove_tag("a").commit()
    swept = Tags(lambda: lake).sweep()
    assert {step.table for step in swept} == {"rejected", "feed_events"}
    assert all(found == {} for found in refs(lake).values())


@pytest.mark.parametrize("kind", [CommitFailedException, CommitStateUnknownException])
@pytest.mark.parametrize("done", [False, True], ids=["refused", "done all the same"])
def test_a_commit_that_fails_is_tried_again_until_it_is_seen_done(lake, monkeypatch, kind, done):
    commit, failures = Transaction.commit_transaction, iter(range(3))

    def failing(self):
        if next(failures, None) is None:
            return commit(self)
        if done:
            commit(self)
        raise kind("someone was faster")

    monkeypatch.setattr(Transaction, "commit_transaction", failing)
    Tags(lambda: lake).make("a", LIVE)
    assert refs(lake) == {name: {"a": one} for name, one in tips(lake).items()}


def test_a_snapshot_that_goes_meanwhile_is_an_error_and_leaves_nothing_to_see(lake):
    then = tips(lake)["trades"]
    append(lake)
    one = Tags(lambda: lake)
    real = lake.load_table
    loads = iter(range(100))

    def load(identifier):
        if next(loads) == len(TABLES):
            table = real(TRADES.identifier)
            table.maintenance.expire_snapshots().by_id(then).commit()
        return real(identifier)

    lake.load_table = load
    with pytest.raises(MomentError, match="was expired while"):
        one.make("a", Moment(snapshot_id=then))
    assert refs(lake)["trades"] == {}
    one.sweep()
    assert all(found == {} for found in refs(lake).values())


def test_a_branch_is_never_made_a_tag(lake):
    table = lake.load_table(TRADES.identifier)
    table.manage_snapshots().create_branch(tips(lake)["trades"], "audit").commit()
    with pytest.raises(MomentError, match="is a branch of trades"):
        Tags(lambda: lake).make("audit", LIVE)
