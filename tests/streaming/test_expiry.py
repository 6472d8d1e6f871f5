from catalog.retention import Kept, parse_rungs
from catalog.schema import REJECTED, TRADES
from streaming.expiry import Snapshots
from streaming.written import QUERY_ID

RUNGS = parse_rungs("10s:all,1m:10s")
HOUR = 3_600_000


def metadata(*snapshots, refs=None):
    """A table's, its snapshots given as (id, parent, seconds, whether the stream's)."""
    return {
        "current-snapshot-id": snapshots[-1][0] if snapshots else -1,
        "snapshots": [
            {
                "snapshot-id": snapshot_id,
                **({"parent-snapshot-id": parent} if parent else {}),
                "sequence-number": number,
                "timestamp-ms": seconds * 1000,
                "manifest-list": f"list-{snapshot_id}",
                "summary": {"operation": "append", **({QUERY_ID: "q"} if marked else {})},
            }
            for number, (snapshot_id, parent, seconds, marked) in enumerate(snapshots, 1)
        ][::-1],
        "refs": {"main": {"snapshot-id": snapshots[-1][0], "type": "branch"}, **(refs or {})}
        if snapshots
        else {},
    }


def test_a_table_without_snapshots_has_nothing_due():
    snapshots = Snapshots.of(metadata())
    assert snapshots.due(TRADES, RUNGS, (), HOUR) == []
    assert not snapshots.has_ended(HOUR)


def test_the_history_is_in_the_order_of_commits():
    snapshots = Snapshots.of(metadata((7, None, 1, False), (3, 7, 2, False)))
    assert snapshots.history == (Kept(7, 1000), Kept(3, 2000))
    assert snapshots.manifest_lists == {7: "list-7", 3: "list-3"}


def test_compactions_on_top_of_the_streams_newest_stay_with_it():
    told = metadata((1, None, 1, True), (2, 1, 2, True), (3, 2, 3, False), (4, 3, 4, False))
    snapshots = Snapshots.of(told)
    assert snapshots.streams_newest == 2
    assert snapshots.due(TRADES, RUNGS, (), HOUR) == [1]
    # Only `trades` is written by the sink.
    assert snapshots.due(REJECTED, RUNGS, (), HOUR) == [1, 2, 3]


def test_the_walk_to_the_streams_newest_ends_at_a_hole():
    snapshots = Snapshots.of(metadata((1, None, 1, True), (3, 2, 3, False)))
    assert snapshots.streams_newest is None
    assert snapshots.due(TRADES, RUNGS, (), HOUR) == [1]


def test_what_a_tag_names_is_not_due_until_the_tag_is_gone():
    tag = {"mine": {"snapshot-id": 1, "type": "tag", "max-ref-age-ms": 5000}}
    told = metadata((1, None, 1, False), (2, 1, 2, False), (3, 2, 3, True), refs=tag)
    snapshots = Snapshots.of(told)
    assert snapshots.due(TRADES, RUNGS, (), HOUR) == [2]
    assert not snapshots.has_ended(5999)
    assert snapshots.has_ended(6000)


def test_the_other_tables_keep_what_the_moments_of_trades_need():
    told = metadata(*((number, number - 1, number * 60, False) for number in range(1, 9)))
    due = Snapshots.of(told).due(REJECTED, RUNGS, (130_000,), HOUR)
    # The last one not later than 130 s, the one after it, and the tip.
    assert due == [1, 4, 5, 6, 7]
