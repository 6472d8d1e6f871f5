"""The kept snapshots of the trades as a strip: what each commit did, and where some have expired.

Pure functions of a table's history. An expired snapshot leaves a hole: the next kept one was
committed on top of something that is gone.
"""

from collections.abc import Mapping

import pyarrow as pa

from catalog.history import History, Kind, Snapshot, show_time
from serving.charts import pack
from serving.snapshots import net_rows, snapshots_table

KINDS = tuple(Kind)
WORDS: Mapping[Kind, str] = {
    Kind.APPEND: "append",
    Kind.COMPACTION: "compaction, no data change",
    Kind.CORRECTION: "correction by hand",
}

_MOST_SHOWN = 2000


def strip(history: History, chosen: int) -> bytes:
    """The strip's payload: the newest snapshots, oldest first, the one of id `chosen` marked.

    Ids are texts in the header, since JavaScript's numbers are too small for them. `hole` is 1
    where something right before the snapshot has expired.
    """
    shown = history.snapshots[-_MOST_SHOWN:]
    ids = [snapshot.snapshot_id for snapshot in shown]
    header = {
        "ids": [str(snapshot_id) for snapshot_id in ids],
        "kinds": [WORDS[kind] for kind in KINDS],
        "tags": [", ".join(history.tags_of(snapshot_id)) for snapshot_id in ids],
        "chosen": ids.index(chosen) if chosen in ids else -1,
    }
    return pack(
        header,
        {
            "time": [snapshot.committed_at.timestamp() * 1000 for snapshot in shown],
            "kind": [KINDS.index(snapshot.kind) for snapshot in shown],
            "rows": [net_rows(snapshot) for snapshot in shown],
            "total": [snapshot.count("total-records") for snapshot in shown],
            "hole": [float(is_hole) for is_hole in holes(history)[-_MOST_SHOWN:]],
        },
    )


def holes(history: History) -> list[bool]:
    """For each kept snapshot, whether the one right before it has expired."""
    parents = [None, *(snapshot.snapshot_id for snapshot in history.snapshots)]
    return [
        snapshot.parent_id is not None and snapshot.parent_id != parent
        for snapshot, parent in zip(history.snapshots, parents, strict=False)
    ]


def moments_table(history: History) -> pa.Table:
    """Every kept moment, newest first, as the page lists them."""
    listed = snapshots_table(history, None)
    before = pa.array(
        ["expired: thinned out by age" if is_hole else "" for is_hole in holes(history)],
        pa.string(),
    )
    return listed.append_column("right before it", before).sort_by([("committed_at", "descending")])


def facts(history: History, snapshot: Snapshot) -> dict[str, str]:
    """What is told of one snapshot, by name."""
    return {
        "Snapshot": str(snapshot.snapshot_id),
        "Committed": show_time(snapshot.committed_at),
        "Kind": WORDS[snapshot.kind],
        "Rows added": f"{net_rows(snapshot):,}",
        "Rows in all": f"{snapshot.count('total-records'):,}",
        "Files": f"{snapshot.count('total-data-files'):,}",
        "Tags": ", ".join(history.tags_of(snapshot.snapshot_id)) or "none",
    }
