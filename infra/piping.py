"""Playing a recording into a container: frames in, progress out, and a way to stop it."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import IO, cast

from infra.engine import Engine
from infra.exit_codes import error_of
from ingest.piping import Piped
from ingest.replay import ReplayReport

_SERVICE = "producer"
# The engine hands no signal on to what it runs in a container beside the main process.
_STOP = ("python3", "-I", "-S", "-c", "import os, sys; os.kill(int(sys.argv[1]), 15)")


def play_in(
    engine: Engine,
    container: str,
    command: tuple[str, ...],
    piped: Piped,
    on_progress: Callable[[ReplayReport], None],
    stop: Event,
) -> ReplayReport:
    """Pipe the recording into the command until its end or `stop`; returns its last report.

    Raises the error that the command ended with.
    """
    with tempfile.TemporaryFile() as errors:
        with engine.open_in(container, command, errors.fileno()) as process:
            into, out = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            Thread(target=_feed, args=(into, piped, stop), name="piping", daemon=True).start()
            number = out.readline().decode().strip()
            report = None
            for line in out:
                report = ReplayReport.parse(line)
                on_progress(report)
                # Reports come about once a second for as long as it plays.
                if stop.is_set() and number:
                    engine.run_in(container, (*_STOP, number))
                    number = ""
        errors.seek(0)
        if process.returncode or report is None:
            raise error_of(process.returncode, errors.read(), _SERVICE)
    return report


def _feed(into: IO[bytes], piped: Piped, stop: Event) -> None:
    with suppress(BrokenPipeError), into:
        piped.write(into, stop.is_set)
