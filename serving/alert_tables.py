"""The Alerts page's tables, as pure functions of what is asked for and what has fired."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from serving.alert_store import SavedView
from serving.alerts import Alert, Firing, Reading
from serving.bars import SECOND
from serving.rows import NOTHING, Cell, Column, Row, age, ago, clock, table, visible

PAUSE, DELETE, OPEN = "pause", "delete", "open"

Payload = dict[str, Any]


def alerts(
    asked: Sequence[Alert],
    readings: Mapping[int, Reading],
    holding: Mapping[int, int],
    firings: Iterable[Firing],
    now: int,
    *,
    is_past: bool,
) -> Payload:
    """What is asked for and how it stands; a past moment's cannot be acted on."""
    last: dict[int, Firing] = {}
    for firing in firings:
        last.setdefault(firing.alert_id, firing)
    columns = (
        Column("Alert", 220),
        Column("State", 76),
        Column("Then" if is_past else "Now", 190, title="what is seen"),
        Column("Last fired", 86, "number"),
    )
    rows = [
        Row(
            str(one.id),
            _alert(one, readings.get(one.id), one.id in holding, last.get(one.id), now),
            {PAUSE: "Pause" if one.enabled else "Resume", DELETE: "Delete"},
        )
        for one in asked
    ]
    empty = "No alert was asked for then." if is_past else "No alert yet: ask for one above."
    acts = () if is_past else (PAUSE, DELETE)
    return table("Alerts", columns, rows, empty=empty, height=228, acts=acts)


def _alert(
    one: Alert, reading: Reading | None, holds: bool, last: Firing | None, now: int
) -> list[Cell]:
    state = ("● firing", "bad") if holds else ("armed", "good")
    return [
        visible(one.words),
        state if one.enabled else ("paused", "faint"),
        reading.text if reading else (NOTHING, "faint"),
        ago(last.fired_at, now) if last else (NOTHING, "faint"),
    ]


def firings(found: Iterable[Firing], now: int) -> Payload:
    """What has fired, newest first."""
    columns = (
        Column("Fired (UTC)", 136),
        Column("Alert", 200),
        Column("What was seen", 200),
        Column("Lasted", 84, "number"),
        Column("Webhook", 90),
    )
    rows = [Row(str(one.id), _firing(one, now)) for one in found]
    return table("Fired", columns, rows, empty="Nothing has fired.", height=280)


def _firing(one: Firing, now: int) -> list[Cell]:
    until = now if one.ended_at is None else one.ended_at
    lasted = age((until - one.fired_at) / SECOND)
    is_bad = bool(one.delivery) and one.delivery != "posted"
    return [
        clock(one.fired_at),
        visible(one.words),
        visible(one.text),
        (f"{lasted}, still", "bad") if one.ended_at is None else lasted,
        (one.delivery or NOTHING, "bad" if is_bad else "faint"),
    ]


def views(saved: Iterable[SavedView]) -> Payload:
    """The saved views, each to be opened or deleted."""
    columns = (Column("View", 110), Column("What it shows", 130))
    rows = [Row(one.name, (visible(one.name), visible(_shown(one))), _VIEW_ACTS) for one in saved]
    empty = "None yet: save the view that the header shows."
    return table("Saved views", columns, rows, empty=empty, height=228, acts=tuple(_VIEW_ACTS))


_VIEW_ACTS = {OPEN: "Open", DELETE: "Delete"}


def _shown(one: SavedView) -> str:
    return ", ".join((one.page, *(f"{name} {value}" for name, value in one.query.items())))
