"""`tapehouse replay`: plays a recording into a running instance and counts what arrived."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Any

from catalog.errors import ServiceError
from infra.reach import Reach, ask
from ingest.recording import recording_name
from ingest.replay import ReplayReport

Position = tuple[str, int]

_POLL_SECONDS = 0.5
_SAY_SECONDS = 5.0
# Longer than a restart of the stream takes; what counts is that something still moves.
_STALLED_SECONDS = 180.0


def replay_and_count(
    reach: Reach,
    path: Path,
    speed: float | None,
    stop: Event,
    say: Callable[[str], None],
    *,
    wait: bool,
) -> dict[str, Any]:
    """Replay, wait until each acknowledged offset is stored, and count the rows in the table.

    Without `wait`, `stored` is None: it was not looked at. Raises ServiceError when the stream
    stops making progress.
    """
    began = time.monotonic()
    first = {k: v["latest"] for k, v in stored_offsets(reach).items() if "latest" in v}
    report = reach.play(path, speed, _progress(say), stop)
    stored = None
    say(
        f"  {report.acknowledged_trades} trades acknowledged in {report.seconds:.1f} s"
        + ("; waiting for the tables" if wait else "")
    )
    if wait:
        _wait_until_stored(reach, report, stop, say)
        stored = _count(reach, recording_name(path), first, report)
    return {
        "sent": report.sent_trades,
        "acknowledged": report.acknowledged_trades,
        "stored": stored,
        "rejected": report.rejected,
        "seconds": round(time.monotonic() - began, 1),
    }


def stored_offsets(reach: Reach) -> dict[Position, dict[str, int]]:
    """By (topic, topic partition): `stored`, the next offset to read, and `latest`, the end."""
    return {
        (topic, int(place)): offsets
        for topic, places in reach.keeper_status()["offsets"].items()
        for place, offsets in places.items()
    }


def _progress(say: Callable[[str], None]) -> Callable[[ReplayReport], None]:
    said = 0.0

    def on_progress(report: ReplayReport) -> None:
        nonlocal said
        if time.monotonic() - said >= _SAY_SECONDS:
            said = time.monotonic()
            say(
                f"  frames {report.sent_frames} of {report.recorded_frames}, trades sent"
                f" {report.sent_trades}, acknowledged {report.acknowledged_trades}"
            )

    return on_progress


def _wait_until_stored(
    reach: Reach, report: ReplayReport, stop: Event, say: Callable[[str], None]
) -> None:
    moved, said, before = time.monotonic(), time.monotonic(), -1
    while not stop.is_set():
        missing = _missing(report.offsets, _or_nothing(reach))
        if not missing:
            return
        now = time.monotonic()
        if missing != before:
            moved, before = now, missing
        if now - moved > _STALLED_SECONDS:
            raise ServiceError(
                f"{missing} acknowledged messages are not in the tables, and nothing has moved for"
                f" {_STALLED_SECONDS:.0f} s. `tapehouse status` tells how the stream is; nothing is"
                " lost, it goes on when the stream does."
            )
        if now - said >= _SAY_SECONDS:
            said = now
            say(f"  {missing} messages still to be stored")
        stop.wait(_POLL_SECONDS)


def _or_nothing(reach: Reach) -> dict[Position, dict[str, int]]:
    try:
        return stored_offsets(reach)
    except ServiceError:
        return {}  # the stream is being started again


def _missing(wanted: Mapping[Position, int], stored: Mapping[Position, Mapping[str, int]]) -> int:
    return sum(
        max(0, offset + 1 - stored.get(position, {}).get("stored", 0))
        for position, offset in wanted.items()
    )


def _count(
    reach: Reach,
    source: str,
    first: Mapping[Position, int],
    report: ReplayReport,
) -> int:
    """Rows of this replay: its source, between the offsets before it and its last."""
    ranges = [
        f"(kafka_partition = {place} AND kafka_offset BETWEEN {first.get((topic, place), 0)}"
        f" AND {last})"
        for (topic, place), last in report.offsets.items()
        if topic == reach.topic
    ]
    if not ranges:
        return 0
    text = f"SELECT count(*) AS n FROM trades WHERE source = ? AND ({' OR '.join(ranges)})"
    return int(str(ask(reach, text, parameters=(source,)).rows[0][0]))
