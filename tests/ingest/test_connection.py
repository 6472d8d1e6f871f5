"""What can be told of a connection without a server; the rest is in test_feed."""

from datetime import UTC, datetime

import pytest

from ingest.connection import retry_after_seconds

NOW = datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Fri, 02 Jan 2026 15:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 15:00:00 GMT", 0.0),
        ("Fri, 02 Jan 2026 15:05:05 -0000", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_a_wait_is_read_in_seconds_or_as_a_date(header, seconds):
    assert retry_after_seconds(header, NOW) == seconds
