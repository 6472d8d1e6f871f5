"""What expired snapshots leave in the store, deleted an hour after they went.

Expiry is often and only touches the metadata; to find out which files nobody needs any more takes
a walk over everything that is kept, and is done once an hour. Until then a register, a file beside
the checkpoint, names what was expired, so that nothing is left for ever: each manifest list is
written down before its snapshot goes and struck out after its files are deleted. Being killed in
between makes the register name too much or the same again, never too little, and what it names is
deleted only when no snapshot of the table, and none that went less than an hour ago, reaches it: an
open query has so long to end. Should the register be lost, its files are orphans, which a weekly
search finds.
"""

import json
import os
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestFile, read_manifest_list

GRACE_MS = 3_600_000

Of = TypeVar("Of")
Part = TypeVar("Part")


class Gone(NamedTuple):
    """A snapshot's manifest list, and when the snapshot was expired."""

    at_ms: int
    manifest_list: str


class Garbage(NamedTuple):
    """Files that nothing reaches any more, in the order in which they have to be deleted."""

    data_files: list[str]
    manifests: list[str]
    manifest_lists: list[str]
    gone: list[Gone]

    def in_order(self) -> list[str]:
        """What is named goes before what names it: whoever is killed can find it again."""
        return [*self.data_files, *self.manifests, *self.manifest_lists]


class Register:
    """A table's expired snapshots whose files are still there; a line of JSON for each expiry."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, at_ms: int, manifest_lists: Sequence[str]) -> None:
        """Note what is about to be expired; it is on the disk when this returns."""
        if not manifest_lists:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            noted = json.dumps({"at_ms": at_ms, "manifest_lists": list(manifest_lists)})
            # A line of its own, also behind one that a kill cut short.
            file.write(f"\n{noted}\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Gone]:
        """All that is noted. A line that was cut short, by a kill, was of no expiry yet."""
        found = []
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            try:
                noted = json.loads(line)
            except ValueError:
                continue
            found += [Gone(noted["at_ms"], location) for location in noted["manifest_lists"]]
        return found

    def strike_out(self, done: Iterable[Gone]) -> None:
        """Forget those whose files are deleted, or whose snapshots are still there."""
        struck = set(done)
        by_time: dict[int, list[str]] = {}
        for gone in self.read():
            if gone not in struck:
                by_time.setdefault(gone.at_ms, []).append(gone.manifest_list)
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch()
        rewritten = Register(fresh)
        for at_ms, manifest_lists in by_time.items():
            rewritten.add(at_ms, manifest_lists)
        fresh.replace(self._path)


class Walk:
    """Finds garbage; remembers what it has read of manifests, which never change.

    `pause` is called between two files that are read, and may wait or raise.
    """

    def __init__(self, io: FileIO, pause: Callable[[], None] = lambda: None) -> None:
        self._io = io
        self._pause = pause
        self._manifests: dict[str, tuple[ManifestFile, ...]] = {}
        # Hashes: two that are equal by chance leave a file to the search for orphans.
        self._hashes: dict[str, array[int]] = {}

    def find(self, gone: Sequence[Gone], kept: Iterable[str], now_ms: int) -> Garbage:
        """What only the snapshots reach that went an hour ago.

        `kept` are the manifest lists of the table's snapshots. Raises what the store raises.
        """
        staying = set(kept)
        due = [one for one in gone if one.at_ms <= now_ms - GRACE_MS]
        late = {one.manifest_list for one in gone if one.at_ms > now_ms - GRACE_MS}
        dead_lists = {one.manifest_list for one in due} - staying - late
        reached = {m.manifest_path: m for one in staying | late for m in self._list(one)}
        dead = {
            m.manifest_path: m
            for one in dead_lists
            for m in _or_none(self._list, one)
            if m.manifest_path not in reached
        }
        candidates = {path for one in dead.values() for path in _or_none(self._files, one)}
        if candidates:
            alive: set[int] = set()
            for manifest in reached.values():
                alive.update(self._hashed(manifest))
            candidates = {path for path in candidates if hash(path) not in alive}
        self._forget(staying | late, reached)
        return Garbage(sorted(candidates), sorted(dead), sorted(dead_lists), due)

    def reachable(self, gone: Sequence[Gone]) -> set[str]:
        """Every file that expired snapshots still reach."""
        lists = {one.manifest_list for one in gone}
        manifests = {m.manifest_path: m for one in lists for m in _or_none(self._list, one)}
        files = {path for one in manifests.values() for path in _or_none(self._files, one)}
        self._forget(set(), ())
        return files | manifests.keys() | lists

    def _list(self, location: str) -> tuple[ManifestFile, ...]:
        if location not in self._manifests:
            self._pause()
            found = tuple(read_manifest_list(self._io.new_input(location)))
            self._manifests[location] = found
        return self._manifests[location]

    def _files(self, manifest: ManifestFile) -> list[str]:
        self._pause()
        entries = manifest.fetch_manifest_entry(self._io, discard_deleted=True)
        return [entry.data_file.file_path for entry in entries]

    def _hashed(self, manifest: ManifestFile) -> "array[int]":
        path = manifest.manifest_path
        if path not in self._hashes:
            self._hashes[path] = array("q", (hash(file) for file in self._files(manifest)))
        return self._hashes[path]

    def _forget(self, lists: set[str], manifests: Iterable[str]) -> None:
        self._manifests = {one: self._manifests[one] for one in lists if one in self._manifests}
        kept = set(manifests)
        self._hashes = {path: found for path, found in self._hashes.items() if path in kept}


def _or_none(read: Callable[[Of], Sequence[Part]], of: Of) -> Sequence[Part]:
    """What is in a file of an expired snapshot; nothing where somebody who was killed deleted it.

    A kept snapshot's file that is not there must raise: what it names would pass for garbage.
    """
    try:
        return read(of)
    except FileNotFoundError:
        return ()
