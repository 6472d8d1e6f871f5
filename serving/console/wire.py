"""What passes between who asks, the console and the process that runs one question.

Who asks from outside the console's own process, over HTTP or through a pipe, sends an Asked in JSON
and gets an Outcome, one stream of Arrow.

Between the console and a question's process a message is a letter, a length and its bytes. To the
process go a Start (C) and a Question (Q); back come ready (R), the answer's schema (S) and batches
(B) in Arrow, and done (D) or an error (E).
"""

import struct
from dataclasses import asdict, dataclass
from typing import IO, Annotated, Any, ClassVar, Self

import orjson
import pyarrow as pa
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from catalog.errors import QueryError, ServiceError

COMMAND_LINE = "command line"
"""The user whose questions come from there."""

START, QUESTION = b"C", b"Q"
READY, SCHEMA, BATCH, DONE, FAILED = b"R", b"S", b"B", b"D", b"E"

_HEAD = struct.Struct(">cQ")
_CUT, _SECONDS = b"tapehouse.cut", b"tapehouse.seconds"


@dataclass(frozen=True, slots=True)
class Asked:
    """One SELECT of a user's with what `?` stands for; `as_of` names a moment, None the newest.

    `seconds` and `rows` are other limits than the console's own, where it allows them.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    user: Annotated[str, Field(min_length=1, max_length=200)]
    sql: str
    as_of: str | None = None
    parameters: tuple[str | int | float | bool | None, ...] = ()
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    rows: Annotated[int, Field(ge=1)] | None = None

    def to_bytes(self) -> bytes:
        """As it is sent, in one line. Raises QueryError for what is no text, number or truth."""
        try:
            return orjson.dumps(asdict(self))
        except TypeError as error:
            raise QueryError(f"The question cannot be sent: {error}.") from error

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """The inverse of `to_bytes`. Raises QueryError."""
        try:
            return TypeAdapter(cls).validate_json(content)
        except ValidationError as error:
            wrong = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, wrong["loc"])) or "it"
            raise QueryError(
                f"That is no question ({place}: {wrong['msg']}). It must be a JSON object such as"
                ' {"user": "me", "sql": "SELECT count(*) FROM trades"}.'
            ) from None


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer; `cut` says what it was cut by (`rows`, `bytes`), empty when it is whole."""

    table: pa.Table
    cut: str
    seconds: float

    def write(self, stream: Any) -> None:
        """Send it as a stream of Arrow, whose schema's metadata tell the rest."""
        told = {_CUT: self.cut, _SECONDS: repr(self.seconds)}
        table = self.table.replace_schema_metadata(told)
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)

    @property
    def size(self) -> int:
        """How many bytes `write` sends."""
        counted = pa.MockOutputStream()
        self.write(counted)
        return int(counted.size())

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """The inverse of `write`. Raises ValueError."""
        try:
            with pa.ipc.open_stream(content) as reader:
                table = reader.read_all()
            table.validate(full=True)
        except pa.ArrowException as error:
            raise ValueError(f"no stream of Arrow: {error}") from error
        told = table.schema.metadata or {}
        cut, seconds = told.get(_CUT, b"").decode(), float(told.get(_SECONDS, b""))
        return cls(table.replace_schema_metadata(None), cut, seconds)


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
