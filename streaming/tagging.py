"""The keeper's acts about tags: what a request says, as values, and what came of it."""

from collections.abc import Mapping
from datetime import timedelta

from catalog.client import connect, translated
from catalog.endpoint import Json
from catalog.errors import SettingsError
from catalog.history import show_time
from catalog.logs import get_logger
from catalog.moments import parse_moment
from catalog.settings import LakeSettings
from catalog.tags import Tags, check_users_name
from streaming.keeper import Act

log = get_logger("streaming.tagging")


def open_tags(lake: LakeSettings) -> Tags:
    """The lake's tags; each act connects anew, so that no token is ever too old."""
    return Tags(lambda: connect(lake))


def tag_acts(tags: Tags, lake: LakeSettings) -> Mapping[str, Act]:
    """`POST /tag {name, moment, keep_seconds}` and `POST /tag/delete {name}`.

    A moment that is not said is `live`, a time to keep that is not said has no end.
    """

    def make(body: Json) -> Json:
        name = _text(body, "name")
        check_users_name(name)
        moment = parse_moment(_text(body, "moment", "live"))
        with translated(lake):
            made = tags.make(name, moment, _keep(body))
        told = {
            "tag": name,
            "snapshot_id": made.resolved.snapshot_ids["trades"],
            "committed_at": show_time(made.resolved.committed_at),
            "kept_until": show_time(made.until) if made.until else None,
        }
        log.info("tagged", **told)
        return told

    def delete(body: Json) -> Json:
        name = _text(body, "name")
        with translated(lake):
            tags.delete(name)
        log.info("tag_deleted", tag=name)
        return {"tag": name}

    return {"/tag": make, "/tag/delete": delete}


def _text(body: Json, name: str, default: str | None = None) -> str:
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise SettingsError(f"{name} must be a text.")
    return value


def _keep(body: Json) -> timedelta | None:
    seconds = body.get("keep_seconds")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise SettingsError("keep_seconds must be a number, or null.")
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise SettingsError(f"keep_seconds cannot be {seconds}.") from error
