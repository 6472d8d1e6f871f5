"""A recording through a pipe: what `tapehouse --stack replay` sends to the producer's container.

The first line says what the recording holds, so that whoever plays it needs neither the file nor
memory for it; its frames follow, uncompressed, a line each. Nothing is read before it is due.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from catalog.errors import RecordingError
from ingest.programs import Contents, Recorded
from ingest.recording import RecordingWriter, read_frames


@dataclass(frozen=True, slots=True)
class Piped:
    """A recording and how fast to play it; `speed` None means as fast as it goes."""

    recorded: Recorded
    speed: float | None

    @classmethod
    def of(cls, path: Path, speed: float | None) -> "Piped":
        """That of a file. Raises RecordingError."""
        return cls(Recorded.of(path), speed)

    def write(self, out: IO[bytes], is_stopped: Callable[[], bool]) -> None:
        """Send it all, unless stopped before; blocks while the reader waits."""
        contents = self.recorded.contents
        head = {
            "name": self.recorded.name,
            "speed": self.speed,
            "symbols": sorted(contents.symbols),
            "trades": contents.trades.tolist(),
        }
        out.write(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE))
        writer = RecordingWriter(out)
        for frame in self.recorded.frames:
            if is_stopped():
                return
            writer.write(frame)

    @classmethod
    def read(cls, lines: IO[bytes]) -> "Piped":
        """The inverse of `write`; frames are read as they are played. Raises RecordingError."""
        try:
            head = orjson.loads(lines.readline())
            contents = Contents(set(head["symbols"]), array("I", head["trades"]))
            name, speed = str(head["name"]), head["speed"]
        except (ValueError, KeyError, TypeError) as error:
            raise RecordingError(
                f"What is piped in does not begin as a recording does ({type(error).__name__}):"
                " `tapehouse --stack NAME replay FILE` sends one."
            ) from error
        return cls(Recorded(name, contents, read_frames(lines, name)), speed)
