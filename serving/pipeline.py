"""The Pipeline page's tables, as pure functions of what lake, poller and keeper told.

The keeper tells of the present only. Of a past moment the lake itself tells what it still knows,
and a table says so where that is less.
"""

import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from catalog.conditions import VERSION as CONDITIONS_VERSION
from catalog.history import History, Kind, Snapshot
from serving.bars import SECOND
from serving.chain import lag_of
from serving.freshness import committed_us
from serving.rows import (
    NOTHING,
    Cell,
    Column,
    Row,
    age,
    ago,
    clock,
    count,
    hex_dump,
    size,
    table,
    visible,
)
from serving.symbols import State, Symbol, totals

EVENTS_SHOWN = 200
PAGE_ROWS = 100
DUMP_BYTES = 1024

Json = Mapping[str, Any]
Payload = dict[str, Any]

SELECT_EVENTS = (
    "SELECT kind, symbol, epoch_us(from_time) AS from_us, epoch_us(to_time) AS to_us, detail,"
    f" source, kafka_offset FROM feed_events ORDER BY kafka_offset DESC LIMIT {EVENTS_SHOWN}"
)
SELECT_REASONS = (
    "SELECT reason, count(*) AS n, epoch_us(max(received_at)) AS last_us FROM rejected"
    " GROUP BY reason ORDER BY n DESC, reason LIMIT 100"
)
# The raw bytes only of the one that is looked at: each may have 256 KiB.
SELECT_REJECTED = (
    "SELECT epoch_us(received_at) AS received_us, reason, raw_length, element_index, kafka_topic,"
    " kafka_partition, kafka_offset FROM rejected WHERE (? = '' OR reason = ?)"
    " ORDER BY received_at DESC, kafka_topic, kafka_offset DESC, element_index"
    f" LIMIT {PAGE_ROWS} OFFSET ?"
)
SELECT_RAW = (
    "SELECT raw, raw_length, raw_sha256, reason FROM rejected WHERE kafka_topic = ?"
    " AND kafka_partition = ? AND kafka_offset = ? AND element_index IS NOT DISTINCT FROM ?"
    " LIMIT 1"
)

_TONES: Mapping[State, str] = {
    State.TRADING: "good",
    State.SILENT: "warn",
    State.REFUSED: "bad",
    State.UNHEARD: "faint",
    State.CLOSED: "faint",
    State.QUIET: "",
}
_GLYPHS: Mapping[State, str] = {
    State.TRADING: "●",
    State.SILENT: "○",
    State.REFUSED: "✕",
    State.UNHEARD: "…",
    State.CLOSED: "☾",
    State.QUIET: "·",
}


def symbols(found: Sequence[Symbol], now: int) -> Payload:
    """What is subscribed, silent and refused, and the gaps; `now` is in microseconds."""
    columns = (
        Column("Symbol", 128),
        Column("State", 128),
        Column("Last trade", 78, "number", "when the newest trade was received"),
        Column("Gaps", 44, "number", "of the feed, in the last 24 hours"),
        Column("Missed", 62, "number", "how long the gaps are together"),
        Column("What the producer said last", 150),
    )
    rows = [_symbol(one, now) for one in found]
    note = ", ".join(f"{number} {state}" for state, number in totals(found).items())
    return table("Symbols", columns, rows, empty=_NO_SYMBOL, height=252, note=note)


_NO_SYMBOL = "No symbol has traded yet, and no producer has spoken of one."


def _symbol(one: Symbol, now: int) -> Row:
    heard = NOTHING if one.heard_at is None else age((now - one.heard_at) / SECOND)
    cells: list[Cell] = [
        one.name,
        (f"{_GLYPHS[one.state]} {one.state}", _TONES[one.state]),
        heard,
        count(len(one.gaps)) if one.gaps else (NOTHING, "faint"),
        age(one.missed_seconds) if one.gaps else (NOTHING, "faint"),
        (visible(one.why), "faint"),
    ]
    return Row(one.name, cells)


def lag(keeper: Json, error: str) -> Payload:
    """Where the stream stands in each topic partition, by the keeper."""
    columns = (
        Column("Topic", 150),
        Column("Part.", 44, "number", "topic partition"),
        Column("In Kafka", 84, "number", "its next offset"),
        Column("In the table", 84, "number", "the next offset that is not stored yet"),
        Column("Behind", 64, "number", "messages that are in Kafka and not in a table yet"),
    )
    rows = [
        _lag(topic, place, offsets)
        for topic, places in sorted(keeper.get("offsets", {}).items())
        for place, offsets in sorted(places.items(), key=lambda item: int(item[0]))
    ]
    empty = error or "The stream has not told of its offsets yet."
    return table("Consumer lag by topic partition", columns, rows, empty=empty, height=152)


def _lag(topic: str, place: str, offsets: Mapping[str, int]) -> Row:
    waiting = lag_of(offsets)
    tone = "" if waiting is None else "warn" if waiting else "good"
    # The newest word of Kafka's end may be older than that of the table.
    ends = [offsets[name] for name in ("latest", "stored") if name in offsets]
    figures = (count(max(ends, default=None)), count(offsets.get("stored")))
    return Row(f"{topic}/{place}", (topic, place, *figures, (count(waiting), tone)))


def positions(stored: Mapping[int, int]) -> Payload:
    """The last offset of each topic partition that the table held then."""
    columns = (
        Column("Topic partition", 110, "number"),
        Column("Last stored offset", 120, "number"),
        Column("In Kafka then", 200),
    )
    rows = [
        Row(
            str(place),
            (str(place), count(offset), ("not kept: Kafka tells of the present", "faint")),
        )
        for place, offset in sorted(stored.items())
    ]
    label = "Consumer lag by topic partition"
    return table(label, columns, rows, empty="The table held no trade.", height=152)


def lake(histories: Iterable[History], at: Mapping[str, int], keeper: Json, now: int) -> Payload:
    """Rows, files and snapshots of each table at its snapshot `at`, and what waits for care."""
    columns = (
        Column("Table", 92),
        Column("Rows", 84, "number"),
        Column("Files", 60, "number", "data files"),
        Column("To fold", 60, "number", "small files that wait for care"),
        Column("Size", 68, "number"),
        Column("Snapshots", 74, "number", "kept ones, up to this one"),
        Column("Tags", 46, "number"),
        Column("Last commit", 92, "number"),
    )
    rows = [
        _lake(history, snapshot, keeper.get("tables", {}).get(history.table, {}), now)
        for history in histories
        if (snapshot := history.find(at[history.table]))
    ]
    return table("Tables", columns, rows, empty="The tables were not read yet.", height=102)


def _lake(history: History, snapshot: Snapshot, told: Mapping[str, int], now: int) -> Row:
    place = history.snapshots.index(snapshot)
    ids = {one.snapshot_id for one in history.snapshots[: place + 1]}
    waiting = told["files"] - told["settled_files"] if "settled_files" in told else None
    cells = (
        history.table,
        count(snapshot.count("total-records")),
        count(snapshot.count("total-data-files")),
        count(waiting),
        size(snapshot.count("total-files-size")),
        count(place + 1),
        count(sum(tagged in ids for tagged in history.tags.values())),
        ago(committed_us(snapshot), now),
    )
    return Row(history.table, cells)


_CARE = (
    Column("At (UTC)", 136),
    Column("Table", 70),
    Column("Act", 90),
    Column("Files", 78, "number", "data files before and after"),
    Column("Size", 58, "number"),
    Column("Took", 50, "number"),
    Column("What", 120),
)
_NO_COLUMN = {"at", "table", "act", "files_in", "files_out", "bytes", "seconds"}


def care(keeper: Json, error: str) -> Payload:
    """The last acts of care, newest first, by the keeper."""
    acts = keeper.get("care", {}).get("runs", [])
    # Two acts may have all in common but their place.
    rows = [_act(str(place), act) for place, act in enumerate(acts)]
    empty = error or "Nothing was done yet: the tables are as they should be."
    return table("Acts of care", _CARE, rows[::-1], empty=empty, height=202)


def _act(key: str, act: Json) -> Row:
    seconds = act.get("seconds")
    cells: list[Cell] = [
        str(act.get("at", ""))[:19].replace("T", " "),
        str(act.get("table", NOTHING)),
        str(act.get("act", NOTHING)),
        f"{count(act['files_in'])} → {count(act.get('files_out'))}"
        if "files_in" in act
        else NOTHING,
        size(act.get("bytes")),
        age(seconds) if seconds is not None else NOTHING,
        (visible(_rest(act)), "bad" if "error" in act else "faint"),
    ]
    return Row(key, cells)


def _rest(act: Json) -> str:
    """What only some acts have to tell, in words."""
    parts = [
        f"{name} {value}"
        for name, value in act.items()
        if name not in _NO_COLUMN and not isinstance(value, dict)
    ]
    contents = act.get("contents")
    if isinstance(contents, dict):
        parts.append(f"content of {len(contents)} table partitions unchanged")
    return ", ".join(parts)


def compactions(histories: Iterable[History], until: int) -> Payload:
    """Of a past moment: the compactions among the kept snapshots up to then (microseconds)."""
    found = [
        (committed_us(snapshot), history.table, snapshot)
        for history in histories
        for snapshot in history.snapshots
        if snapshot.kind is Kind.COMPACTION and committed_us(snapshot) <= until
    ]
    rows = [_compaction(*one) for one in sorted(found, key=lambda one: one[0], reverse=True)[:50]]
    empty = "No compaction is among the snapshots that are still kept of then."
    return table("Acts of care", _CARE, rows, empty=empty, height=202)


def _compaction(at: int, name: str, snapshot: Snapshot) -> Row:
    before, after = (snapshot.count(f"{what}-data-files") for what in ("deleted", "added"))
    cells = (
        clock(at),
        name,
        "compaction",
        f"{count(before)} → {count(after)}",
        size(snapshot.count("added-files-size")),
        NOTHING,
        ("no data change; what else was done then is not kept", "faint"),
    )
    return Row(str(snapshot.snapshot_id), cells)


_EVENT_TONES = {"disconnected": "bad", "error": "bad", "gap": "bad", "silent": "warn"}


def events(found: pa.Table) -> Payload:
    """The newest feed events, newest first (`SELECT_EVENTS`)."""
    columns = (
        Column("Until (UTC)", 136, title="when it ended, or happened"),
        Column("Kind", 92),
        Column("Symbol", 112),
        Column("Lasted", 56, "number"),
        Column("What happened", 130),
        Column("Source", 70),
    )
    rows = [_event(row) for row in found.to_pylist()]
    empty = "No producer has told of its feed."
    return table("Feed events", columns, rows, empty=empty, height=202)


def _event(row: Json) -> Row:
    lasted = (row["to_us"] - row["from_us"]) / SECOND
    cells: list[Cell] = [
        clock(row["to_us"]),
        (visible(row["kind"]), _EVENT_TONES.get(row["kind"], "")),
        visible(row["symbol"]) if row["symbol"] is not None else ("all of it", "faint"),
        age(lasted) if lasted > 0 else NOTHING,
        visible(row["detail"] or ""),
        (visible(row["source"] or ""), "faint"),
    ]
    return Row(str(row["kafka_offset"]), cells)


def reasons(found: pa.Table, chosen: str) -> Payload:
    """Why rows were rejected, how many for each reason (`SELECT_REASONS`); one may be chosen."""
    columns = (
        Column("Reason", 200),
        Column("Rows", 60, "number"),
        Column("Last (UTC)", 140),
    )
    rows = [
        Row(row["reason"], (visible(row["reason"]), count(row["n"]), clock(row["last_us"])))
        for row in found.to_pylist()
    ]
    label = "Rejected, by reason"
    return table(label, columns, rows, empty=_NONE_REJECTED, height=202, selected=chosen)


_NONE_REJECTED = "Nothing was rejected."


def rejected(found: pa.Table, chosen: str, number: int) -> Payload:
    """A page of rejected rows, newest first (`SELECT_REJECTED`), pages counted from 0."""
    columns = (
        Column("Received (UTC)", 136),
        Column("Reason", 220),
        Column("Bytes", 64, "number", "of the whole message, or of the frame that held it"),
        Column("Element", 58, "number", "its place in the frame's data"),
        Column("Topic", 150),
        Column("Place", 90, "number", "topic partition and offset"),
    )
    rows = [_rejection(row) for row in found.to_pylist()]
    first = number * PAGE_ROWS
    note = f"{count(first + 1)} to {count(first + len(rows))}, newest first" if rows else ""
    return table(
        "Rejected rows",
        columns,
        rows,
        empty=_NONE_REJECTED,
        height=202,
        note=note,
        selected=chosen,
    )


def _rejection(row: Json) -> Row:
    element = row["element_index"]
    cells = (
        clock(row["received_us"]),
        visible(row["reason"]),
        count(row["raw_length"]),
        NOTHING if element is None else str(element),
        visible(row["kafka_topic"]),
        f"{row['kafka_partition']}:{row['kafka_offset']}",
    )
    return Row(to_key(row), cells)


def to_key(row: Json) -> str:
    """What tells a rejected row from all others: topic, topic partition, offset, element."""
    element = "" if row["element_index"] is None else row["element_index"]
    return f"{row['kafka_topic']}/{row['kafka_partition']}/{row['kafka_offset']}/{element}"


def parse_key(key: str) -> tuple[str, int, int, int | None]:
    """The inverse of `to_key`, as `SELECT_RAW` wants it."""
    topic, place, offset, element = key.rsplit("/", 3)
    return topic, int(place), int(offset), int(element) if element else None


def raw(row: Json) -> Payload:
    """The beginning of a rejected row's raw bytes, as they are (`SELECT_RAW`)."""
    content: bytes = row["raw"] or b""
    columns = (
        Column("Offset", 60, "bytes"),
        Column("Bytes", 350, "bytes"),
        Column("Text", 130, "bytes"),
    )
    shown = min(len(content), DUMP_BYTES)
    note = f"{count(shown)} of {count(row['raw_length'])} bytes, SHA-256 {row['raw_sha256'][:16]}…"
    rows = hex_dump(content[:DUMP_BYTES])
    return table("Raw bytes", columns, rows, empty="It is empty.", height=202, note=note)


def versions(keeper: Json) -> Payload:
    """What runs here, and what the stream runs."""
    columns = (Column("What", 150), Column("Dashboard", 90), Column("Stream", 90))
    theirs = {"tapehouse": keeper.get("version"), **keeper.get("libraries", {})}
    ours = _versions()
    rows = [
        Row(name, (name, ours.get(name, NOTHING), theirs.get(name) or NOTHING))
        for name in dict.fromkeys((*ours, *theirs))
    ]
    rows.append(Row("conditions", ("trade conditions", str(CONDITIONS_VERSION), NOTHING)))
    return table("Versions", columns, rows, empty="", height=228)


@cache
def _versions() -> dict[str, str]:
    names = ("tapehouse", "streamlit", "duckdb", "pyiceberg", "pyarrow")
    return {name: version(name) for name in names} | {"python": platform.python_version()}
