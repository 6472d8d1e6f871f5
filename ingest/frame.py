"""A frame: one WebSocket text message, unread."""

import time
from typing import NamedTuple


class Frame(NamedTuple):
    """One message as it came, and when (`received_at` in microseconds since the epoch, UTC)."""

    raw: bytes | str
    received_at: int


def now_us() -> int:
    """The wall clock in microseconds since the epoch, UTC."""
    return time.time_ns() // 1000
