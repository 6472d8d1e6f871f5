"""Recordings: JSON lines, one frame a line with the time it was received; `.zst` means compressed.

`{"received_at": "2026-01-02T15:04:05.678901Z", "frame": "<the message's text>"}`. A frame that is
not UTF-8 stands under `frame_base64` instead, so that what was received can be played exactly.
"""

import base64
import binascii
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import IO

import orjson
import zstandard

from catalog.errors import RecordingError
from catalog.logs import get_logger
from catalog.settings import FeedSettings
from ingest.feed import Feed
from ingest.frame import Frame

log = get_logger("ingest.recording")

SUFFIXES = (".frames.jsonl.zst", ".frames.jsonl", ".jsonl.zst", ".jsonl")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def recording_name(path: Path | str) -> str:
    """What trades of this recording carry as their source: the file's name without its suffixes."""
    name = Path(path).name
    return next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)


def read_recording(path: Path | str) -> Iterator[Frame]:
    """The frames in order, read as they are asked for. RecordingError names the bad line."""
    path = Path(path)
    with _open_for_reading(path) as lines:
        yield from read_frames(lines, str(path))


def read_frames(lines: Iterable[bytes], name: str) -> Iterator[Frame]:
    """The same from lines that are open already; `name` stands in errors."""
    number = 0
    try:
        for number, line in enumerate(lines, start=1):  # noqa: B007 - named in errors
            if line.strip():
                yield _parse_line(line)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        after = f" after line {number}" if number else ""
        raise RecordingError(f"{name} cannot be read{after}: {error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RecordingError(
            f"{name}, line {number} is not a recorded frame ({type(error).__name__}: {error})."
            ' Each line is {"received_at": "...Z", "frame": "..."}.'
        ) from error


@contextmanager
def open_writer(path: Path | str) -> Iterator["RecordingWriter"]:
    """A writer whose file appears under its name only when all is well written.

    On an error the half-made file is removed and what stood there before stays.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file, _compressed(file, path) as out:
            yield RecordingWriter(out)
        unfinished.replace(path)
    except OSError as error:
        raise RecordingError(f"{path} cannot be written: {error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


@dataclass(slots=True)
class RecordingWriter:
    """Writes frames as lines and counts them."""

    out: IO[bytes]
    frames: int = 0

    def write(self, frame: Frame) -> None:
        """Append one line."""
        received_at = (_EPOCH + frame.received_at * _MICROSECOND).isoformat(timespec="microseconds")
        line: dict[str, str] = {"received_at": received_at.replace("+00:00", "Z")}
        try:
            line["frame"] = frame.raw if isinstance(frame.raw, str) else frame.raw.decode()
        except UnicodeDecodeError:
            line["frame_base64"] = base64.b64encode(frame.raw).decode()  # type: ignore[arg-type]
        self.out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self.frames += 1


def record(feed: FeedSettings, path: Path | str, stop: Event) -> int:
    """Write what the feed sends until `stop` is set; returns the number of frames written."""
    with open_writer(path) as writer:
        for item in Feed(feed, stop=stop):
            if isinstance(item, Frame):
                writer.write(item)
            else:
                log.info(item.kind.value, detail=item.detail)
    return writer.frames


def _parse_line(line: bytes) -> Frame:
    fields = orjson.loads(line)
    received_at = datetime.fromisoformat(fields["received_at"])
    if received_at.tzinfo is None:
        raise ValueError("received_at has no time zone")
    at = (received_at - _EPOCH) // _MICROSECOND
    if "frame_base64" in fields:
        try:
            return Frame(base64.b64decode(fields["frame_base64"], validate=True), at)
        except binascii.Error as error:
            raise ValueError(f"frame_base64: {error}") from error
    if not isinstance(fields["frame"], str):
        raise TypeError("frame is not a text")
    return Frame(fields["frame"], at)


@contextmanager
def _open_for_reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}.") from error
    with file:
        if path.suffix != ".zst":
            yield file
            return
        with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
            yield io.BufferedReader(reader)


@contextmanager
def _compressed(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".zst":
        yield file
        return
    with zstandard.ZstdCompressor(level=6).stream_writer(file, closefd=False) as out:
        yield out
