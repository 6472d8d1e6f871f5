"""What passes between the console and the process that runs one question, and how it is written.

A message is a letter, a length and its bytes. To the process go a Start (C) and a Question (Q);
back come ready (R), the answer's schema (S) and batches (B) in Arrow, and done (D) or an error (E).
"""

import struct
from dataclasses import asdict, dataclass
from typing import IO, Any, Self

import orjson

from catalog.errors import ServiceError

START, QUESTION = b"C", b"Q"
READY, SCHEMA, BATCH, DONE, FAILED = b"R", b"S", b"B", b"D", b"E"

_HEAD = struct.Struct(">cQ")


@dataclass(frozen=True, slots=True)
class Start:
    """How to come to the lake (environment variables by name, with secrets), and with how much."""

    settings: dict[str, str]
    memory_bytes: int
    threads: int

    def to_bytes(self) -> bytes:
        """As it is sent. Holds secrets: never log it."""
        return orjson.dumps(asdict(self))

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """The inverse of `to_bytes`."""
        return cls(**orjson.loads(payload))


@dataclass(frozen=True, slots=True)
class Question:
    """One SELECT with what `?` stands for, the snapshots to read, and the most it may take.

    Without snapshot ids the newest are read.
    """

    sql: str
    snapshot_ids: dict[str, int]
    parameters: tuple[object, ...]
    most_rows: int
    most_bytes: int
    seconds: float

    def to_bytes(self) -> bytes:
        """As it is sent."""
        return orjson.dumps(asdict(self))

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """The inverse of `to_bytes`."""
        fields = orjson.loads(payload)
        return cls(**{**fields, "parameters": tuple(fields["parameters"])})


def write(stream: IO[bytes], kind: bytes, payload: bytes | memoryview = b"") -> None:
    """Send one message."""
    stream.write(_HEAD.pack(kind, len(payload)))
    stream.write(payload)
    stream.flush()


def read(stream: IO[bytes], longest: int) -> tuple[bytes, bytes] | None:
    """The next message, None at the stream's end.

    Raises ServiceError for one longer than `longest`, or cut short.
    """
    head = stream.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise ServiceError("The process that runs the query ended in the middle of a message.")
    kind, length = _HEAD.unpack(head)
    if length > longest:
        raise ServiceError(f"The process that runs the query sent a message of {length} bytes.")
    payload = stream.read(length)
    if len(payload) < length:
        raise ServiceError("The process that runs the query ended in the middle of an answer.")
    return kind, payload


def to_json(**fields: object) -> bytes:
    """The payload of R, D and E."""
    return orjson.dumps(fields)


def from_json(payload: bytes) -> dict[str, Any]:
    """The inverse of `to_json`."""
    fields: dict[str, Any] = orjson.loads(payload)
    return fields
