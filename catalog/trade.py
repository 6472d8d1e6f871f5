"""The records that travel: a trade, a rejection, a feed event, each to and from its Kafka message.

A message's value is a JSON object with the record's field names; times are integers, microseconds
since the epoch in UTC (JSON has no time, and an integer loses nothing). A trade's message has its
symbol for a key, so that all its trades share one topic partition and their offsets order them.
"""

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

RAW_LIMIT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution as received. Times are microseconds since the epoch, UTC."""

    symbol: str
    event_time: int
    price: float
    size: float
    conditions: tuple[int, ...] | None
    received_at: int
    source: str

    def to_message(self) -> tuple[bytes, bytes]:
        """The Kafka message's key and value."""
        return self.symbol.encode(), orjson.dumps(self)

    @classmethod
    def from_message(cls, value: bytes) -> "Trade":
        """The inverse of `to_message`; raises ValueError on anything else."""
        fields = _fields(value)
        codes = fields["conditions"]
        return cls(**{**fields, "conditions": None if codes is None else tuple(codes)})


@dataclass(frozen=True, slots=True)
class Rejection:
    """A frame, or one element of its `data`, that was not accepted; `raw` is cut at 256 KiB."""

    raw: bytes
    raw_length: int
    raw_sha256: str
    element_index: int | None
    reason: str
    received_at: int

    @classmethod
    def of(
        cls, raw: bytes, reason: str, received_at: int, element_index: int | None = None
    ) -> "Rejection":
        """The rejection of `raw`, which may be of any length."""
        digest = hashlib.sha256(raw).hexdigest()
        return cls(raw[:RAW_LIMIT_BYTES], len(raw), digest, element_index, reason, received_at)

    def to_message(self) -> tuple[bytes | None, bytes]:
        """The Kafka message's key (none) and value, its raw bytes in Base64."""
        return None, orjson.dumps(self, default=_base64)

    @classmethod
    def from_message(cls, value: bytes) -> "Rejection":
        """The inverse of `to_message`; raises ValueError on anything else."""
        fields = _fields(value)
        return cls(**{**fields, "raw": base64.b64decode(fields["raw"])})


class FeedEventKind(StrEnum):
    """What can happen to a feed."""

    CONNECTED = "connected"
    SUBSCRIBED = "subscribed"
    SILENT = "silent"
    DISCONNECTED = "disconnected"
    GAP = "gap"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One thing that happened to the feed; `symbol` is None where it is about all of it."""

    kind: FeedEventKind
    symbol: str | None
    from_time: int
    to_time: int
    detail: str
    source: str

    def to_message(self) -> tuple[bytes | None, bytes]:
        """The Kafka message's key (the symbol, if any) and value."""
        return (self.symbol.encode() if self.symbol else None), orjson.dumps(self)

    @classmethod
    def from_message(cls, value: bytes) -> "FeedEvent":
        """The inverse of `to_message`; raises ValueError on anything else."""
        fields = _fields(value)
        return cls(**{**fields, "kind": FeedEventKind(fields["kind"])})


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError


def _fields(value: bytes) -> dict[str, Any]:
    fields = orjson.loads(value)
    if not isinstance(fields, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - one error for all bad bytes
    return fields
