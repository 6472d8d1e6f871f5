import sqlite3

import pytest

from catalog.errors import ServiceError, SettingsError
from serving.alert_store import FILE, FIRINGS_KEPT, AlertStore, SavedView
from serving.alerts import Alert, Kind

STALE = Alert(Kind.STALE, 60.0)
PRICE = Alert(Kind.PRICE, 235.5, "AAPL")


@pytest.fixture
def store(tmp_path):
    with_file = AlertStore.open(tmp_path)
    yield with_file
    with_file.close()


def test_what_was_asked_for_outlives_the_process(tmp_path):
    first = AlertStore.open(tmp_path / "made")
    first.add(PRICE, 10)
    first.save_view(SavedView("mine", "market", {"symbol": "AAPL"}), 10)
    first.close()
    again = AlertStore.open(tmp_path / "made")
    (alert,) = again.alerts()
    assert (alert.kind, alert.threshold, alert.symbol, alert.enabled, alert.created_at) == (
        Kind.PRICE, 235.5, "AAPL", True, 10
    )  # fmt: skip
    assert again.views() == [SavedView("mine", "market", {"symbol": "AAPL"})]
    again.close()


def test_changes_are_counted_for_who_watches(store):
    before = store.changes
    store.add(STALE, 1)
    (alert,) = store.alerts()
    store.enable(alert.id, False, 2)
    store.delete(alert.id, 3)
    assert store.changes == before + 3
    assert store.alerts() == []


def test_a_past_moment_has_the_alerts_of_then(store):
    store.add(PRICE, 10)
    store.add(STALE, 20)
    first, _ = store.alerts()
    store.delete(first.id, 30)
    kinds = {moment: [a.kind for a in store.alerts(moment)] for moment in (5, 10, 25, 30)}
    assert kinds == {
        5: [],
        10: [Kind.PRICE],
        25: [Kind.PRICE, Kind.STALE],
        30: [Kind.STALE],
    }


def test_firings_are_kept_newest_first_and_end(store):
    store.add(STALE, 1)
    (alert,) = store.alerts()
    for fired_at in (10, 20):
        store.fire(alert, fired_at, f"seen at {fired_at}")
        store.end(alert.id, fired_at + 5)
    last = store.fire(alert, 30, "seen at 30")
    store.note_delivery(last, "posted")
    assert [(f.fired_at, f.ended_at, f.text, f.delivery) for f in store.firings()] == [
        (30, None, "seen at 30", "posted"),
        (20, 25, "seen at 20", ""),
        (10, 15, "seen at 10", ""),
    ]
    assert store.holding() == {alert.id: 30}


def test_a_past_moment_has_the_firings_of_then_as_they_stood(store):
    store.add(STALE, 1)
    (alert,) = store.alerts()
    store.fire(alert, 10, "first")
    store.end(alert.id, 20)
    store.fire(alert, 30, "second")
    assert [(f.text, f.ended_at) for f in store.firings(15)] == [("first", None)]
    assert store.holding(15) == {alert.id: 10}
    assert [(f.text, f.ended_at) for f in store.firings(25)] == [("first", 20)]
    assert store.holding(25) == {}


@pytest.mark.parametrize("act", ["pause", "delete"])
def test_what_is_paused_or_deleted_holds_no_longer(store, act):
    store.add(STALE, 1)
    (alert,) = store.alerts()
    store.fire(alert, 10, "seen")
    if act == "pause":
        store.enable(alert.id, False, 12)
    else:
        store.delete(alert.id, 12)
    assert store.holding() == {}
    assert store.firings()[0].ended_at == 12


def test_old_firings_make_room(store):
    store.add(STALE, 1)
    (alert,) = store.alerts()
    for number in range(FIRINGS_KEPT + 3):
        store.fire(alert, number, "seen")
    kept = store.firings(most=FIRINGS_KEPT + 10)
    assert len(kept) == FIRINGS_KEPT
    assert kept[-1].fired_at == 3


def test_a_view_of_the_same_name_is_replaced(store):
    store.save_view(SavedView("b", "sql", {}), 1)
    store.save_view(SavedView("a", "market", {"symbol": "X"}), 1)
    store.save_view(SavedView("a", "alerts", {"symbol": "Y"}), 2)
    assert store.views() == [SavedView("a", "alerts", {"symbol": "Y"}), SavedView("b", "sql", {})]
    store.delete_view("b")
    assert [view.name for view in store.views()] == ["a"]


def test_hostile_texts_come_back_as_they_went_in(store):
    text = "'); DROP TABLE alerts; -- <b>\x00\u202e"
    store.add(Alert(Kind.STALE, 60.0, "AAPL"), 1)
    (alert,) = store.alerts()
    store.fire(alert, 1, text)
    store.save_view(SavedView(text, text, {text: text}), 1)
    assert store.firings()[0].text == text
    assert store.views() == [SavedView(text, text, {text: text})]


def test_a_damaged_file_is_said_plainly_and_left_alone(tmp_path):
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(SettingsError, match=FILE):
        AlertStore.open(tmp_path)
    assert (tmp_path / FILE).read_bytes().startswith(b"not a database")


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    AlertStore.open(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(SettingsError, match="newer version, 99"):
        AlertStore.open(tmp_path)


def test_a_folder_that_cannot_be_made_is_said_plainly(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot keep alerts"):
        AlertStore.open(tmp_path / "file" / "folder")


def test_a_store_that_was_closed_fails_in_our_words(store):
    store.close()
    with pytest.raises(ServiceError, match="own file"):
        store.add(STALE, 1)


def test_a_store_in_memory_says_why(tmp_path):
    store = AlertStore.in_memory("why")
    store.add(STALE, 1)
    assert (len(store.alerts()), store.trouble) == (1, "why")
    store.close()
