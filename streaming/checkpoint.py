"""The guard: may the stream start from this checkpoint into this table?

Iceberg's sink writes a micro-batch once, as long as the checkpoint and the table agree on what has
been written: it skips epochs that the table has under the checkpoint's query id. When they disagree
it would silently lose or double trades, so the stream must not start. Here the two are read and
compared; `rebuild` makes a checkpoint that goes on exactly where the table ends.

The checkpoint's files are Spark's own: `metadata` (the query id), `offsets/N` (the end offsets
planned for epoch N), `commits/N` (epoch N is done). An epoch is planned, then in the table, then
committed.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from catalog.errors import CheckpointError
from streaming.source import Offsets

STARTING = "starting.json"
REQUEST = "rebuilt-for"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as found on disk; all empty when there is none.

    `planned` maps each retained epoch to its end offsets (exclusive). `starting` is where a rebuilt
    checkpoint begins; None means at the topic's earliest message.
    """

    query_id: str | None = None
    planned: dict[int, Offsets] = field(default_factory=dict)
    committed: int | None = None
    starting: Offsets | None = None

    @property
    def is_new(self) -> bool:
        """Whether no query has ever used it."""
        return self.query_id is None and not self.planned and self.committed is None


@dataclass(frozen=True, slots=True)
class Mark:
    """What the streaming sink leaves in a snapshot's summary."""

    query_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Written:
    """What the table holds: the sink's marks, newest first; each topic partition's max offset."""

    marks: tuple[Mark, ...] = ()
    newest: Offsets = field(default_factory=dict)


def judge(checkpoint: Checkpoint, written: Written) -> str:
    """How the stream will start, in a word for the log. Raises CheckpointError when it must not."""
    if checkpoint.is_new:
        return _judge_new(checkpoint, written)
    if checkpoint.query_id is None:
        raise _refusal("corrupt", "it has planned batches but no query id (its file `metadata`)")
    mark = written.marks[0] if written.marks else None
    last_planned = max(checkpoint.planned, default=-1)
    if checkpoint.committed is not None and checkpoint.committed > last_planned:
        raise _refusal(
            "truncated",
            f"epoch {checkpoint.committed} is committed, and the newest planned is {last_planned}",
        )
    if mark is None or mark.query_id != checkpoint.query_id:
        return _judge_unwritten(checkpoint, written, last_planned)
    return _judge_written(checkpoint, written, mark.epoch, last_planned)


def _judge_new(checkpoint: Checkpoint, written: Written) -> str:
    if checkpoint.starting is not None:
        _require_after(checkpoint.starting, written.newest)
        return "rebuilt"
    if written.marks or written.newest:
        raise _refusal(
            "missing",
            "the table already holds trades of this stream, and starting afresh would double them",
        )
    return "fresh"


def _judge_unwritten(checkpoint: Checkpoint, written: Written, last_planned: int) -> str:
    """This query is not the newest that wrote: it may only be about to, for the first time."""
    if any(mark.query_id == checkpoint.query_id for mark in written.marks):
        raise _refusal("stale", "another stream has written to the table since this one did")
    if last_planned > 0 or checkpoint.committed is not None:
        raise _refusal(
            "ahead",
            f"it has planned epoch {last_planned}, and the table holds none of its epochs: the"
            " table was rolled back, made anew, or is another one",
        )
    _require_after(checkpoint.starting or {}, written.newest)
    return "first epoch"


def _judge_written(checkpoint: Checkpoint, written: Written, epoch: int, last_planned: int) -> str:
    if epoch > last_planned:
        which = "truncated" if epoch == last_planned + 1 else "stale"
        raise _refusal(
            which,
            f"the table already holds epoch {epoch}, and the newest planned is {last_planned}: an"
            " older copy was restored, or its newest batches were lost",
        )
    committed = -1 if checkpoint.committed is None else checkpoint.committed
    if committed > epoch or last_planned > epoch + 1:
        raise _refusal(
            "ahead",
            f"it has gone on to epoch {max(committed, last_planned)}, and the table ends at"
            f" {epoch}: the table was rolled back or restored",
        )
    ends = checkpoint.planned.get(epoch, checkpoint.planned[last_planned])
    beyond = {p: o for p, o in written.newest.items() if o >= ends.get(p, 0)}
    if beyond:
        raise _refusal(
            "stale",
            f"the table holds offsets (by topic partition: {beyond}) that its epoch {epoch} did not"
            " plan: an older copy was restored and went its own way",
        )
    return "resumed" if committed == epoch else "resumed, newest epoch not yet committed"


def _require_after(starting: Offsets, newest: Offsets) -> None:
    overlapping = {p: o for p, o in newest.items() if o >= starting.get(p, 0)}
    if overlapping:
        raise _refusal(
            "stale",
            f"it starts at {starting or 'the earliest message'}, and the table already holds"
            f" offsets up to {overlapping} (by topic partition)",
        )


def _refusal(which: str, why: str) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint is {which}: {why}. Starting could lose or double trades, so the stream was"
        " not started. To go on exactly where the table ends, stop what runs and start once with"
        " `tapehouse run --rebuild`, a stream of your own with `python -m streaming --rebuild` (the"
        " checkpoint is kept aside, no trade is lost or doubled)."
    )


class Rivals:
    """Watches, while the stream runs, that no other stream writes to the table.

    `at_start` is the newest mark from before: until our first commit it may be another query's,
    whose place we took by a rebuild.
    """

    def __init__(self, query_id: str, at_start: Mark | None) -> None:
        self._ours = query_id
        self._before = at_start

    def look(self, newest: Mark | None) -> None:
        """Raise CheckpointError when the table's newest mark is another stream's."""
        if newest is None or newest == self._before:
            return
        if newest.query_id != self._ours:
            raise CheckpointError(
                f"Another stream (query {newest.query_id}, epoch {newest.epoch}) writes to the same"
                " table, and two writers double trades: this one stops. Stop the other too, then"
                " check that each (kafka_partition, kafka_offset) is there once."
            )
        self._before = None


def read_checkpoint(folder: Path, topic: str) -> Checkpoint:
    """Read the checkpoint of a query on one topic. Raises CheckpointError on a garbled file."""
    offsets, commits = _epochs(folder / "offsets"), _epochs(folder / "commits")
    if offsets and len(offsets) != max(offsets) - min(offsets) + 1:
        raise _refusal(
            "corrupt", f"planned epochs are missing between {min(offsets)} and {max(offsets)}"
        )
    planned = {epoch: _read_ends(folder / "offsets" / str(epoch), topic) for epoch in offsets}
    for epoch in commits[-2:]:
        _read_versioned(folder / "commits" / str(epoch))
    return Checkpoint(
        query_id=_read_query_id(folder / "metadata"),
        planned=planned,
        committed=max(commits, default=None),
        starting=_read_starting(folder / STARTING),
    )


def was_rebuilt_for(folder: Path, request: str) -> bool:
    """Whether the checkpoint is the one that a rebuild for this request made."""
    mark = folder / REQUEST
    return bool(request) and mark.exists() and mark.read_text() == request


def rebuild(
    folder: Path, written: Written, beginnings: Offsets, now: datetime, request: str = ""
) -> Path | None:
    """Put a checkpoint in `folder` that starts right after the table's newest offsets.

    `beginnings` are the first offsets that the topic still has: those of topic partitions that the
    table does not know are where these start, and nothing can start before them. The old checkpoint
    is moved aside, never deleted; returns where to. `request` stays beside it, for
    `was_rebuilt_for`.
    """
    strange = sorted(written.newest.keys() - beginnings.keys())
    if strange:
        raise CheckpointError(
            f"The table holds trades of topic partitions {strange}, which the topic does not have:"
            " it is another topic, or was made anew. Use the old topic, or another home."
        )
    starting = {
        place: max(first, written.newest.get(place, -1) + 1) for place, first in beginnings.items()
    }
    fresh = folder.with_name(f"{folder.name}.new")
    fresh.mkdir(parents=True, exist_ok=True)
    (fresh / STARTING).write_text(json.dumps(starting))
    (fresh / REQUEST).write_text(request)
    aside = move_aside(folder, now)
    fresh.rename(folder)
    return aside


def move_aside(folder: Path, now: datetime) -> Path | None:
    """Rename a checkpoint out of the way, if there is one; returns its new name."""
    if not folder.exists():
        return None
    aside = folder.with_name(f"{folder.name}.aside-{now:%Y%m%dT%H%M%S%f}")
    folder.rename(aside)
    return aside


def _epochs(folder: Path) -> list[int]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def _read_query_id(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        return str(json.loads(path.read_text())["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path) from error


def _read_ends(path: Path, topic: str) -> Offsets:
    lines = _read_versioned(path)
    try:
        (ends,) = [
            source[topic]
            for source in map(json.loads, lines[2:])
            if isinstance(source, dict) and topic in source
        ]
        return {int(place): int(offset) for place, offset in ends.items()}
    except (ValueError, AttributeError) as error:
        raise _unreadable(path) from error


def _read_versioned(path: Path) -> list[str]:
    """The lines of one of Spark's log entries: a version, a JSON object, then what it is about."""
    try:
        lines = path.read_text().splitlines()
        if lines[0] != "v1" or not isinstance(json.loads(lines[1]), dict):
            raise ValueError(lines[0])
    except (ValueError, IndexError) as error:
        raise _unreadable(path) from error
    return lines


def _read_starting(path: Path) -> Offsets | None:
    if not path.exists():
        return None
    try:
        return {int(place): int(offset) for place, offset in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> CheckpointError:
    return _refusal("corrupt", f"{path.parent.name}/{path.name} is empty or garbled")
