from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from catalog.history import History, Snapshot
from serving import alert_tables, pipeline
from serving.alert_store import SavedView
from serving.alerts import Alert, Firing, Kind, Reading
from serving.bars import SECOND
from serving.symbols import State, Symbol

NOW = 1_767_798_000 * SECOND
AT = datetime.fromtimestamp(1_767_797_000, UTC)
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e"


def cells(payload: dict[str, Any]) -> list[list[str]]:
    """The texts of each row, without their tones."""
    return [
        [cell if isinstance(cell, str) else cell[0] for cell in row["cells"]]
        for row in payload["rows"]
    ]


def snapshot(number: int, operation: str = "append", **summary: int) -> Snapshot:
    counts = {name.replace("_", "-"): str(value) for name, value in summary.items()}
    return Snapshot(number, number - 1 or None, AT, operation, counts)


def test_lag_is_by_topic_partition_in_the_order_of_their_numbers():
    offsets = {
        "ticks": {
            "10": {"stored": 5, "latest": 5},
            "2": {"stored": 3, "latest": 1003},
            "3": {"latest": 4},
        }
    }
    assert cells(pipeline.lag({"offsets": offsets}, "")) == [
        ["ticks", "2", "1,003", "3", "1,000"],
        ["ticks", "3", "4", "–", "–"],
        ["ticks", "10", "5", "5", "0"],
    ]


def test_a_silent_keeper_leaves_its_reason_in_the_table():
    for payload in (pipeline.lag({}, "no answer"), pipeline.care({}, "no answer")):
        assert (payload["rows"], payload["empty"]) == ([], "no answer")


def test_a_past_moment_says_what_kafka_does_not_keep():
    assert cells(pipeline.positions({1: 8, 0: 1234})) == [
        ["0", "1,234", "not kept: Kafka tells of the present"],
        ["1", "8", "not kept: Kafka tells of the present"],
    ]


def test_tables_are_counted_up_to_the_moment_and_no_further():
    kept = tuple(snapshot(n, total_records=n * 10, total_data_files=n) for n in (1, 2, 3))
    history = History("trades", kept, {"then": 2, "later": 3})
    at = {"trades": 2}
    told = {"tables": {"trades": {"files": 30, "settled_files": 21}}}
    (row,) = cells(pipeline.lake([history], at, told, NOW))
    assert row == ["trades", "20", "2", "9", "0 B", "2", "1", "17 min ago"]
    (row,) = cells(pipeline.lake([history], at, {}, NOW))
    assert row[3] == "–"


def test_acts_of_care_are_told_newest_first_with_what_went_wrong():
    runs = [
        {"at": "2026-01-07T14:00:00+00:00", "table": "trades", "act": "fold", "files_in": 420,
         "files_out": 7, "bytes": 1_234_567, "seconds": 1.5, "contents": {"a": 1, "b": 2}},
        {"at": "2026-01-07T14:01:00+00:00", "table": "trades", "act": "expire", "error": HOSTILE},
    ]  # fmt: skip
    payload = pipeline.care({"care": {"runs": runs}}, "")
    assert cells(payload) == [
        ["2026-01-07 14:01:00", "trades", "expire", "–", "–", "–",
         "error <img src=x onerror=alert(1)>\\x1b[31m\\u202e"],
        ["2026-01-07 14:00:00", "trades", "fold", "420 → 7", "1.2 MB", "1.5 s",
         "content of 2 table partitions unchanged"],
    ]  # fmt: skip
    assert payload["rows"][0]["cells"][-1][1] == "bad"


def test_compactions_of_the_past_stop_at_the_moment():
    kept = (
        snapshot(1),
        snapshot(2, "replace", deleted_data_files=40, added_data_files=2),
        Snapshot(3, 2, datetime.fromtimestamp(1_767_797_500, UTC), "replace", {}),
    )
    until = 1_767_797_000 * SECOND
    (row,) = cells(pipeline.compactions([History("trades", kept, {})], until))
    assert row[:4] == ["2026-01-07 14:43:20", "trades", "compaction", "40 → 2"]


def test_symbols_say_their_state_by_more_than_colour():
    found = [
        Symbol("AAPL", State.TRADING, NOW - SECOND, "", ((0, 10 * SECOND),)),
        Symbol("XYZ", State.REFUSED, None, HOSTILE, ()),
    ]
    payload = pipeline.symbols(found, NOW)
    assert payload["note"] == "1 trading, 1 refused: no slot"
    assert cells(payload) == [
        ["AAPL", "● trading", "1 s", "1", "10 s", ""],
        ["XYZ", "✕ refused: no slot", "–", "–", "–",
         "<img src=x onerror=alert(1)>\\x1b[31m\\u202e"],
    ]  # fmt: skip


def test_events_and_rejected_rows_show_foreign_text_as_text():
    shown = "<img src=x onerror=alert(1)>\\x1b[31m\\u202e"
    event = {"kind": HOSTILE, "symbol": HOSTILE, "from_us": NOW - 90 * SECOND, "to_us": NOW,
             "detail": HOSTILE, "source": HOSTILE, "kafka_offset": 3}  # fmt: skip
    (row,) = cells(pipeline.events(pa.Table.from_pylist([event])))
    assert row == ["2026-01-07 15:00:00", shown, shown, "1.5 min", shown, shown]
    refused = {
        "received_us": NOW,
        "reason": HOSTILE,
        "raw_length": 12_345,
        "element_index": 4,
        "kafka_topic": "ticks.rejected",
        "kafka_partition": 0,
        "kafka_offset": 9,
    }
    payload = pipeline.rejected(pa.Table.from_pylist([refused]), "", 2)
    assert cells(payload) == [
        ["2026-01-07 15:00:00", shown, "12,345", "4", "ticks.rejected", "0:9"]
    ]
    assert payload["note"] == "201 to 201, newest first"


@pytest.mark.parametrize("element", [None, 0, 17])
def test_a_rejected_row_is_found_again_by_its_key(element):
    row = {
        "kafka_topic": "a/b.c",
        "kafka_partition": 3,
        "kafka_offset": 12,
        "element_index": element,
    }
    assert pipeline.parse_key(pipeline.to_key(row)) == ("a/b.c", 3, 12, element)


def test_raw_bytes_are_cut_and_say_so():
    row = {"raw": b"x" * 5000, "raw_length": 400_000, "raw_sha256": "ab" * 32}
    payload = pipeline.raw(row)
    assert payload["note"] == "1,024 of 400,000 bytes, SHA-256 abababababababab…"
    assert len(payload["rows"]) == 64
    assert pipeline.raw(row | {"raw": None, "raw_length": 0})["rows"] == []


def test_versions_of_both_sides_stand_beside_each_other():
    told = {"version": "9.9", "libraries": {"pyspark": "4.1.3", "pyiceberg": "0.11.1"}}
    by_name = {row[0]: row for row in cells(pipeline.versions(told))}
    assert by_name["tapehouse"][2] == "9.9"
    assert by_name["pyspark"] == ["pyspark", "–", "4.1.3"]
    assert by_name["pyiceberg"][1] == by_name["pyiceberg"][2]


def test_alerts_of_a_past_moment_cannot_be_acted_on():
    asked = [Alert(Kind.STALE, 60.0, id=1), Alert(Kind.GAP, 5.0, enabled=False, id=2)]
    readings = {1: Reading(True, "last trade 61 s ago")}
    firing = Firing(1, 1, "no trade for 60 s", NOW - 90 * SECOND, None, "seen", "")
    live = alert_tables.alerts(asked, readings, {1: NOW}, [firing], NOW, is_past=False)
    assert cells(live) == [
        ["no trade for 60 s", "● firing", "last trade 61 s ago", "1.5 min ago"],
        ["a gap of 5 s or longer in the feed", "paused", "–", "–"],
    ]
    assert live["acts"] == ["pause", "delete"]
    assert [row["acts"]["pause"] for row in live["rows"]] == ["Pause", "Resume"]
    past = alert_tables.alerts(asked, readings, {}, [], NOW, is_past=True)
    assert past["acts"] == []


def test_firings_say_how_long_they_lasted_and_what_became_of_the_post():
    ended = Firing(1, 1, "words", NOW - 90 * SECOND, NOW - 30 * SECOND, "seen", "posted")
    holds = Firing(2, 1, "words", NOW - 90 * SECOND, None, "seen", "refused with HTTP 404")
    payload = alert_tables.firings([ended, holds], NOW)
    assert [row[3:] for row in cells(payload)] == [
        ["1 min", "posted"],
        ["1.5 min, still", "refused with HTTP 404"],
    ]


def test_views_are_shown_by_what_their_link_says():
    saved = SavedView(HOSTILE, "market", {"symbol": "AAPL", "interval": "5m"})
    (row,) = cells(alert_tables.views([saved]))
    assert row == [
        "<img src=x onerror=alert(1)>\\x1b[31m\\u202e", "market, symbol AAPL, interval 5m"
    ]  # fmt: skip
