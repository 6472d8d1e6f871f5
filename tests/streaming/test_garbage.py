from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.garbage import GRACE_MS, Gone, Register, Walk

HOUR = GRACE_MS


@pytest.fixture
def register(tmp_path):
    return Register(tmp_path / "care" / "trades.expired.jsonl")


def test_a_register_that_was_never_written_is_empty(register):
    assert register.read() == []


def test_what_is_noted_is_read_back_in_order(register):
    register.add(1, ["a", "b"])
    register.add(2, ["c"])
    register.add(3, [])
    assert register.read() == [Gone(1, "a"), Gone(1, "b"), Gone(2, "c")]


def test_what_is_struck_out_is_forgotten_and_nothing_else(register):
    register.add(1, ["a", "b"])
    register.add(2, ["a"])
    register.strike_out([Gone(1, "a")])
    assert register.read() == [Gone(1, "b"), Gone(2, "a")]
    register.strike_out(register.read())
    assert register.read() == []


def test_a_line_that_a_kill_cut_short_is_passed_over(register, tmp_path):
    register.add(1, ["a"])
    with (tmp_path / "care" / "trades.expired.jsonl").open("a") as file:
        file.write('{"at_ms": 2, "manifest_lists": ["b')
    assert register.read() == [Gone(1, "a")]
    # As after the restart: what is noted next is not lost behind it.
    register.add(3, ["c"])
    assert register.read() == [Gone(1, "a"), Gone(3, "c")]


class Manifest(NamedTuple):
    manifest_path: str


@dataclass
class Store:
    """Manifest lists, manifests and data files, each naming those below; what a walk reads."""

    lists: dict[str, list[str]] = field(default_factory=dict)
    manifests: dict[str, list[str]] = field(default_factory=dict)
    data_files: set[str] = field(default_factory=set)

    def delete(self, locations):
        for location in locations:
            self.lists.pop(location, None)
            self.manifests.pop(location, None)
            self.data_files.discard(location)

    def reachable(self, lists):
        manifests = {m for one in lists for m in self.lists[one]}
        return set(lists) | manifests | {f for m in manifests for f in self.manifests[m]}

    def everything(self):
        return {*self.lists, *self.manifests, *self.data_files}


class StoreWalk(Walk):
    def __init__(self, store):
        super().__init__(io=None)
        self.store = store

    def _list(self, location):
        if location not in self.store.lists:
            raise FileNotFoundError(location)
        return tuple(map(Manifest, self.store.lists[location]))

    def _files(self, manifest):
        if manifest.manifest_path not in self.store.manifests:
            raise FileNotFoundError(manifest.manifest_path)
        return self.store.manifests[manifest.manifest_path]


def small_store():
    """Two appends, then a compaction of both, as three snapshots see them."""
    return Store(
        lists={"s1": ["m1"], "s2": ["m1", "m2"], "s3": ["m3"]},
        manifests={"m1": ["f1"], "m2": ["f2"], "m3": ["f3"]},
        data_files={"f1", "f2", "f3"},
    )


def test_only_what_expired_an_hour_ago_is_garbage():
    walk = StoreWalk(small_store())
    gone = [Gone(0, "s1"), Gone(HOUR, "s2")]
    assert walk.find(gone, ["s3"], HOUR - 1).in_order() == []
    # Of the older one, the younger still reaches all but its list.
    assert walk.find(gone, ["s3"], HOUR).in_order() == ["s1"]
    assert walk.find(gone, ["s3"], 2 * HOUR).in_order() == ["f1", "f2", "m1", "m2", "s1", "s2"]


def test_what_a_tag_holds_is_no_garbage():
    walk = StoreWalk(small_store())
    found = walk.find([Gone(0, "s1")], ["s2", "s3"], HOUR)
    assert found.in_order() == ["s1"]
    assert found.gone == [Gone(0, "s1")]


def test_a_snapshot_that_was_not_expired_after_all_is_left_and_struck_out():
    found = StoreWalk(small_store()).find([Gone(0, "s2")], ["s2", "s3"], HOUR)
    assert found.in_order() == []
    assert found.gone == [Gone(0, "s2")]


def test_a_file_that_moved_to_another_manifest_is_no_garbage():
    store = small_store()
    store.lists["s3"], store.manifests["m3"] = ["m3"], ["f1", "f2"]
    found = StoreWalk(store).find([Gone(0, "s1"), Gone(0, "s2")], ["s3"], HOUR)
    assert found.in_order() == ["m1", "m2", "s1", "s2"]


def test_a_deletion_that_was_broken_off_is_taken_up_again():
    store = small_store()
    gone = [Gone(0, "s1"), Gone(0, "s2")]
    whole = StoreWalk(store).find(gone, ["s3"], HOUR).in_order()
    for cut in range(len(whole)):
        broken = small_store()
        broken.delete(whole[:cut])
        rest = StoreWalk(broken).find(gone, ["s3"], HOUR).in_order()
        broken.delete(rest)
        assert broken.everything() == broken.reachable(["s3"])


def test_a_kept_snapshot_that_cannot_be_read_stops_it():
    store = small_store()
    del store.manifests["m3"]
    with pytest.raises(FileNotFoundError):
        StoreWalk(store).find([Gone(0, "s1"), Gone(0, "s2")], ["s3"], HOUR)


class Table:
    """A table as a stream and care leave it: appends, manifests merged, files compacted, expiry."""

    def __init__(self):
        self.store = Store()
        self.snapshots = []
        self.gone = []
        self.now = 0
        self.count = 0

    def fresh(self, kind):
        self.count += 1
        return f"{kind}{self.count}"

    def commit(self, manifests):
        name = self.fresh("s")
        self.store.lists[name] = manifests
        self.snapshots.append(name)

    def tip(self):
        return self.store.lists[self.snapshots[-1]] if self.snapshots else []

    def manifest(self, files):
        name = self.fresh("m")
        self.store.manifests[name] = files
        return name

    def append(self):
        file = self.fresh("f")
        self.store.data_files.add(file)
        self.commit([*self.tip(), self.manifest([file])])

    def merge_manifests(self):
        files = [file for name in self.tip() for file in self.store.manifests[name]]
        self.commit([self.manifest(files)])

    def compact(self):
        file = self.fresh("f")
        self.store.data_files.add(file)
        self.commit([self.manifest([file])])

    def expire(self, places):
        chosen = {self.snapshots[place % len(self.snapshots)] for place in places}
        chosen -= set(self.snapshots[-1:])
        self.gone += [Gone(self.now, one) for one in sorted(chosen)]
        self.snapshots = [one for one in self.snapshots if one not in chosen]

    def sweep(self, walk, stop_after=None):
        found = walk.find(self.gone, self.snapshots, self.now)
        self.store.delete(found.in_order()[:stop_after])
        if stop_after is None:
            self.gone = [one for one in self.gone if one not in found.gone]


STEPS = st.one_of(
    st.sampled_from(["append", "append", "append", "merge_manifests", "compact"]),
    st.lists(st.integers(0, 50), min_size=1, max_size=5),
    st.tuples(st.just("sweep"), st.none() | st.integers(0, 9), st.integers(0, HOUR)),
)


@given(st.lists(STEPS, max_size=40))
def test_whatever_happens_nothing_kept_is_deleted_and_nothing_is_left_for_ever(steps):
    table = Table()
    table.append()
    walk = StoreWalk(table.store)
    for step in steps:
        if isinstance(step, str):
            getattr(table, step)()
        elif isinstance(step, list):
            table.expire(step)
        else:
            table.now += step[2]
            table.sweep(walk, step[1])
            # Killed or not: whatever is kept can be read whole.
            assert table.store.reachable(table.snapshots) <= table.store.everything()
    table.now += 2 * HOUR
    table.sweep(StoreWalk(table.store))
    assert table.store.everything() == table.store.reachable(table.snapshots)
