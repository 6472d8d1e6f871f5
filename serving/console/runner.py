"""One process for one question, from the outside: started ahead, asked once, ended by force."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Self

import pyarrow as pa

from catalog import errors
from catalog.errors import LakeError, QueryError, ServiceError, TapehouseError
from catalog.settings import LakeSettings, environment_of
from serving.console import wire

_ROOT = Path(__file__).parents[2]
_MODULE = "serving.console.child"
_START_SECONDS = 30.0
# An answer's schema, and what Arrow puts around the values of a batch.
_OVERHEAD = 1_000_000

_KINDS = {
    kind.exit_code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TapehouseError) and "exit_code" in vars(kind)
}


class Ending(StrEnum):
    """Why a process was ended from the outside."""

    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class Runner:
    """A process that has the lake open and waits for its one question."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._started = time.monotonic()
        self._ending: Ending | None = None
        self._ready = False
        self._lock = Lock()
        self.held: tuple[str, ...] = ()

    @classmethod
    def start(cls, settings: LakeSettings, memory_bytes: int, threads: int) -> Self:
        """Start a process; it gets ready by itself meanwhile."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"},
            cwd=os.path.sep,
            # Ctrl-C at a terminal is ours to handle.
            start_new_session=True,
        )
        runner = cls(process)
        runner._send(
            wire.START, wire.Start(environment_of(settings), memory_bytes, threads).to_bytes()
        )
        return runner

    @property
    def pid(self) -> int:
        """That of the process."""
        return self._process.pid

    @property
    def age_seconds(self) -> float:
        """Since its start; its token for the catalog is about as old."""
        return time.monotonic() - self._started

    def wait_ready(self) -> None:
        """Wait until the lake is open there. Raises LakeError, SettingsError or ServiceError."""
        if self._ready:
            return
        try:
            with self._deadline(_START_SECONDS):
                kind, payload = self._receive(_OVERHEAD)
        except ServiceError as error:
            raise self._why(error, _START_SECONDS, opening=True) from None
        if kind != wire.READY:
            raise _error(payload)
        self.held = tuple(wire.from_json(payload)["held"])
        self._ready = True

    def ask(self, question: wire.Question) -> wire.Outcome:
        """Ask the one question; the process is gone when this returns.

        Raises QueryError when the SQL is at fault, or was ended by the deadline or by `end`.
        """
        self.wait_ready()
        started = time.monotonic()
        try:
            with self._deadline(question.seconds):
                self._send(wire.QUESTION, question.to_bytes())
                table, cut = self._collect(question)
        except pa.ArrowException as error:
            raise ServiceError(f"The answer cannot be read: {error}") from error
        except ServiceError as error:
            raise self._why(error, question.seconds, opening=False) from None
        finally:
            self.end(Ending.CLOSED)
        return wire.Outcome(table, cut, time.monotonic() - started)

    def end(self, ending: Ending) -> None:
        """Kill the process, at any time, from any thread; whoever waits for it is told why."""
        with self._lock:
            self._ending = self._ending or ending
            self._process.kill()
        if ending is Ending.CLOSED:
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    _close(pipe)

    def _collect(self, question: wire.Question) -> tuple[pa.Table, str]:
        batches: list[pa.RecordBatch] = []
        schema, size = None, 0
        while True:
            # The other side keeps to its limits; should it not, it ends here.
            kind, payload = self._receive(question.most_bytes - size + _OVERHEAD)
            if kind == wire.SCHEMA:
                schema = pa.ipc.read_schema(pa.py_buffer(payload))
            elif kind == wire.BATCH and schema is not None:
                batch = pa.ipc.read_record_batch(pa.py_buffer(payload), schema)
                batch.validate(full=True)
                batches.append(batch)
                size += batch.nbytes
            elif kind == wire.DONE and schema is not None:
                table = pa.Table.from_batches(batches, schema)
                return table, str(wire.from_json(payload)["cut"])
            else:
                raise _error(payload)

    def _receive(self, longest: int) -> tuple[bytes, bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        message = wire.read(self._process.stdout, longest)
        if message is None:
            raise ServiceError("The process that runs the query ended before it answered.")
        return message

    def _send(self, kind: bytes, payload: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        try:
            wire.write(self._process.stdin, kind, payload)
        except BrokenPipeError:
            # It has ended: what it said before, or that it said nothing, is read next.
            return

    def _deadline(self, seconds: float) -> "_Deadline":
        return _Deadline(seconds, lambda: self.end(Ending.DEADLINE))

    def _why(self, error: ServiceError, seconds: float, *, opening: bool) -> TapehouseError:
        """What it means that the process ended without an answer."""
        if self._ending is Ending.CANCELLED:
            return QueryError("The query was cancelled.")
        if self._ending is Ending.DEADLINE and opening:
            return LakeError(
                f"Catalog and store did not answer a new process within {seconds:g} s. Are they"
                " running? `tapehouse status` tells."
            )
        if self._ending is Ending.DEADLINE:
            return QueryError(
                f"The query was stopped: it took longer than {seconds:g} s. Read less of"
                " the table (a WHERE on symbol and event_time), or allow more time."
            )
        code = self._process.wait(_START_SECONDS)
        if code < 0:
            return QueryError(
                "The query was stopped: its process was ended by the system (signal"
                f" {-code}), which happens when it takes more memory or processor time than it may."
            )
        return error


class _Deadline:
    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self._timer = Timer(seconds, act)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _error(payload: bytes) -> TapehouseError:
    fields = wire.from_json(payload)
    kind = _KINDS.get(int(fields.get("code", 0)), LakeError)
    return kind(str(fields.get("text", "The query's process told nothing that can be read.")))


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        # Something was still to be sent; nobody is there to read it.
        return
