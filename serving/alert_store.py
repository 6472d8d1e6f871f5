"""What people make on the page, in a small SQLite file of the dashboard's own: alerts and views.

Alerts stay in the file when they are deleted, so that a past moment can tell which there were.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from catalog.errors import ServiceError, SettingsError
from serving.alerts import Alert, Firing, Kind

FILE = "dashboard.sqlite3"
FIRINGS_KEPT = 10_000

_VERSION = 1
_NEVER = 2**62
_SCHEMA = """
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    threshold REAL NOT NULL,
    symbol TEXT NOT NULL,
    window_seconds INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,  -- microseconds, as all times here
    deleted_at INTEGER
);
CREATE TABLE firings (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts,
    words TEXT NOT NULL,
    fired_at INTEGER NOT NULL,
    ended_at INTEGER,
    text TEXT NOT NULL,
    delivery TEXT NOT NULL
);
CREATE INDEX firings_by_time ON firings (fired_at);
CREATE TABLE views (
    name TEXT PRIMARY KEY,
    page TEXT NOT NULL,
    query TEXT NOT NULL,  -- a JSON object: what stands behind the question mark of the link
    saved_at INTEGER NOT NULL
);
"""
_ALERT = "SELECT id, kind, threshold, symbol, window_seconds, enabled, created_at FROM alerts"
_FIRING = "SELECT id, alert_id, words, fired_at, ended_at, text, delivery FROM firings"


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view by name: the link's page and query."""

    name: str
    page: str
    query: Mapping[str, str]


class AlertStore:
    """The file; safe to share between threads. Its failures are ServiceErrors.

    `changes` grows with every change of the alerts, so that who watches them need not ask.
    `trouble` says why nothing outlives the process; empty where there is a file.
    """

    def __init__(self, database: sqlite3.Connection, trouble: str = "") -> None:
        self._database = database
        self._lock = Lock()
        self.changes = 0
        self.trouble = trouble

    @classmethod
    def open(cls, folder: Path) -> "AlertStore":
        """The file in the folder, made where there is none. Raises SettingsError."""
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            database = _connect(str(path))
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(
                f"The dashboard cannot keep alerts and views in {path} ({error}). Make the folder"
                " writable; a file that is damaged can be moved away."
            ) from error
        return cls(database)

    @classmethod
    def in_memory(cls, trouble: str = "") -> "AlertStore":
        """One that ends with the process."""
        return cls(_connect(":memory:"), trouble)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def alerts(self, as_of: int | None = None) -> list[Alert]:
        """Those that there are, or were at that time (microseconds), oldest first."""
        with self._asking() as database:
            if as_of is None:
                rows = database.execute(f"{_ALERT} WHERE deleted_at IS NULL ORDER BY id")
            else:
                rows = database.execute(
                    f"{_ALERT} WHERE created_at <= ? AND (deleted_at IS NULL OR deleted_at > ?)"
                    " ORDER BY id",
                    (as_of, as_of),
                )
            return [_alert(row) for row in rows]

    def add(self, alert: Alert, now: int) -> None:
        """Keep a new alert, made `now` (microseconds)."""
        self._change(
            "INSERT INTO alerts (kind, threshold, symbol, window_seconds, enabled, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                alert.kind.value,
                alert.threshold,
                alert.symbol,
                alert.window_seconds,
                alert.enabled,
                now,
            ),
        )

    def enable(self, alert_id: int, enabled: bool, now: int) -> None:
        """Let it fire, or no more for a while."""
        self._change("UPDATE alerts SET enabled = ? WHERE id = ?", (enabled, alert_id))
        if not enabled:
            self.end(alert_id, now)

    def delete(self, alert_id: int, now: int) -> None:
        """Take it off the page; past moments still have it."""
        self._change(
            "UPDATE alerts SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL", (now, alert_id)
        )
        self.end(alert_id, now)

    def fire(self, alert: Alert, now: int, text: str) -> int:
        """Keep that it fired; returns the firing's id. Of old ones only the newest are kept."""
        with self._asking() as database:
            cursor = database.execute(
                "INSERT INTO firings (alert_id, words, fired_at, text, delivery)"
                " VALUES (?, ?, ?, ?, '')",
                (alert.id, alert.words, now, text),
            )
            firing_id = cursor.lastrowid or 0
            database.execute("DELETE FROM firings WHERE id <= ?", (firing_id - FIRINGS_KEPT,))
            return firing_id

    def end(self, alert_id: int, now: int) -> None:
        """What it asked for holds no longer."""
        with self._asking() as database:
            database.execute(
                "UPDATE firings SET ended_at = ? WHERE alert_id = ? AND ended_at IS NULL",
                (now, alert_id),
            )

    def note_delivery(self, firing_id: int, delivery: str) -> None:
        """What became of the webhook's post."""
        with self._asking() as database:
            database.execute("UPDATE firings SET delivery = ? WHERE id = ?", (delivery, firing_id))

    def firings(self, as_of: int | None = None, most: int = 200) -> list[Firing]:
        """The newest, newest first; with `as_of` as they stood at that time (microseconds)."""
        until = _NEVER if as_of is None else as_of
        with self._asking() as database:
            rows = database.execute(
                f"{_FIRING} WHERE fired_at <= ? ORDER BY fired_at DESC, id DESC LIMIT ?",
                (until, most),
            )
            firings = [Firing(*row) for row in rows]
        return [_as_of(firing, until) for firing in firings]

    def holding(self, as_of: int | None = None) -> dict[int, int]:
        """Of the alerts whose firing has not ended, or had not by then: when it fired."""
        until = _NEVER if as_of is None else as_of
        with self._asking() as database:
            rows = database.execute(
                "SELECT alert_id, max(fired_at) FROM firings"
                " WHERE fired_at <= ? AND (ended_at IS NULL OR ended_at > ?) GROUP BY alert_id",
                (until, until),
            )
            return dict(rows.fetchall())

    def save_view(self, view: SavedView, now: int) -> None:
        """Keep a view; one of the same name is replaced."""
        with self._asking() as database:
            database.execute(
                "INSERT INTO views VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET page = excluded.page, query = excluded.query, saved_at = excluded.saved_at",
                (view.name, view.page, json.dumps(dict(view.query)), now),
            )

    def views(self) -> list[SavedView]:
        """All, by name."""
        with self._asking() as database:
            rows = database.execute("SELECT name, page, query FROM views ORDER BY name")
            return [SavedView(name, page, json.loads(query)) for name, page, query in rows]

    def delete_view(self, name: str) -> None:
        """Forget a view."""
        with self._asking() as database:
            database.execute("DELETE FROM views WHERE name = ?", (name,))

    def _change(self, sql: str, parameters: Sequence[object]) -> None:
        with self._asking() as database:
            database.execute(sql, parameters)
            self.changes += 1

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise ServiceError(
                    f"The dashboard's own file did not take it ({error}). Is its disk full?"
                ) from error


def _connect(path: str) -> sqlite3.Connection:
    # One connection, and a lock of our own: a statement is over in less than a millisecond.
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        # With a journal like that a power cut may lose the last change, and damages nothing.
        database.execute("PRAGMA synchronous = NORMAL")
        _ensure_schema(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _ensure_schema(database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.DatabaseError(f"it was made by a newer version, {version}")
    if version < _VERSION:
        database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")


def _alert(row: tuple[int, str, float, str, int, int, int]) -> Alert:
    alert_id, kind, threshold, symbol, window_seconds, enabled, created_at = row
    return Alert(Kind(kind), threshold, symbol, window_seconds, bool(enabled), alert_id, created_at)


def _as_of(firing: Firing, until: int) -> Firing:
    """What ended later had not ended yet."""
    if firing.ended_at is None or firing.ended_at <= until:
        return firing
    return replace(firing, ended_at=None)
