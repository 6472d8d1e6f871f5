"""The acts about tags, as a request's body asks for them."""

import pytest
from pydantic import SecretStr

from catalog.errors import MomentError, SettingsError
from catalog.keeper_client import ask_act
from catalog.schema import TRADES
from catalog.settings import LakeSettings
from catalog.tables import ensure_tables
from catalog.tags import Tags
from streaming.keeper import Board, serve
from streaming.tagging import tag_acts
from tests.support.memory_catalog import MemoryCatalog


@pytest.fixture
def catalog(tmp_path):
    catalog = MemoryCatalog(tmp_path)
    ensure_tables(catalog)
    return catalog


@pytest.fixture
def acts(catalog):
    return tag_acts(Tags(lambda: catalog), LakeSettings.read())


def tags(catalog):
    metadata = catalog.load_table(TRADES.identifier).metadata
    return {name: ref.snapshot_id for name, ref in metadata.refs.items() if name != "main"}


def test_a_tag_of_now_is_told_with_its_moment(acts, catalog):
    told = acts["/tag"]({"name": "a"})
    [snapshot] = catalog.load_table(TRADES.identifier).snapshots()
    assert tags(catalog) == {"a": snapshot.snapshot_id} == {"a": told["snapshot_id"]}
    assert told["tag"] == "a"
    assert told["committed_at"].endswith("Z")
    assert told["kept_until"] is None


def test_a_moment_and_a_time_to_keep_may_be_said(acts, catalog):
    first = acts["/tag"]({"name": "a", "moment": "live", "keep_seconds": 3600})
    assert first["kept_until"] > first["committed_at"]
    acts["/tag"]({"name": "b", "moment": str(first["snapshot_id"]), "keep_seconds": None})
    acts["/tag"]({"name": "c", "moment": "a"})
    assert tags(catalog) == dict.fromkeys("abc", first["snapshot_id"])


def test_a_tag_is_deleted(acts, catalog):
    acts["/tag"]({"name": "a"})
    assert acts["/tag/delete"]({"name": "a"}) == {"tag": "a"}
    assert tags(catalog) == {}


@pytest.mark.parametrize(
    ("path", "body", "kind", "why"),
    [
        ("/tag", {}, SettingsError, "name must be a text"),
        ("/tag", {"name": 7}, SettingsError, "name must be a text"),
        ("/tag", {"name": "live"}, SettingsError, "newest snapshot"),
        ("/tag", {"name": "keep-1"}, SettingsError, "care of the tables"),
        ("/tag", {"name": "a", "moment": 7}, SettingsError, "moment must be a text"),
        ("/tag", {"name": "a", "moment": "nope"}, MomentError, "no tag 'nope'"),
        ("/tag", {"name": "a", "moment": "2001-01-01"}, MomentError, "before the first"),
        ("/tag", {"name": "a", "keep_seconds": "1d"}, SettingsError, "a number"),
        ("/tag", {"name": "a", "keep_seconds": True}, SettingsError, "a number"),
        ("/tag", {"name": "a", "keep_seconds": float("nan")}, SettingsError, "cannot be nan"),
        ("/tag", {"name": "a", "keep_seconds": 1e300}, SettingsError, "cannot be"),
        ("/tag", {"name": "a", "keep_seconds": 1}, SettingsError, "a minute to ten years"),
        ("/tag/delete", {}, SettingsError, "name must be a text"),
        ("/tag/delete", {"name": "main"}, MomentError, "no tag 'main'"),
        ("/tag/delete", {"name": "nope"}, MomentError, "no tag 'nope'"),
    ],
)
def test_what_cannot_be_done_as_asked_changes_nothing(acts, catalog, path, body, kind, why):
    with pytest.raises(kind, match=why):
        acts[path](body)
    assert tags(catalog) == {}


def test_an_asker_gets_the_same_error_through_the_keeper(acts):
    token = SecretStr("right")
    with serve(Board("1", "2026-01-02"), "127.0.0.1", 0, token, acts) as port:
        told = ask_act("127.0.0.1", port, token, "/tag", {"name": "a"})
        assert told["tag"] == "a"
        with pytest.raises(MomentError, match="no tag 'nope'"):
            ask_act("127.0.0.1", port, token, "/tag/delete", {"name": "nope"})
