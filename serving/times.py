"""Times as users give them: a datetime, or ISO 8601 text; UTC unless they say otherwise."""

from datetime import UTC, datetime, timedelta

from catalog.errors import QueryError

Time = datetime | str

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(time: Time) -> int:
    """Since the epoch. Raises QueryError."""
    try:
        given = datetime.fromisoformat(time.strip()) if isinstance(time, str) else time
    except ValueError as error:
        raise QueryError(
            f"{time!r} is not a time. Write it like 2026-11-20T14:30:00Z; without a zone it is UTC."
        ) from error
    if given.tzinfo is None:
        given = given.replace(tzinfo=UTC)
    return (given - _EPOCH) // timedelta(microseconds=1)


def to_time(microseconds: int) -> datetime:
    """The inverse."""
    return _EPOCH + timedelta(microseconds=microseconds)
