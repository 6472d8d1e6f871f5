"""One writer at a time: an exclusive lock on the checkpoint's folder."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import CheckpointError


@contextmanager
def exclusive(folder: Path, patience_seconds: float = 15) -> Iterator[int]:
    """Hold the folder's lock; yields its file descriptor, to be inherited by whoever writes too.

    A killed job's JVM may hold it for a moment longer, hence the patience. Raises CheckpointError
    when another process keeps it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(descriptor, folder, time.monotonic() + patience_seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 20, 0).decode(errors="replace") or "unknown"
                raise CheckpointError(
                    f"Another streaming job (process {holder}) holds the checkpoint in {folder}:"
                    " two writers would double trades. Stop it first."
                ) from None
            time.sleep(0.1)
