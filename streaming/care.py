"""First care of the tables, in the streaming process: compact small files, expire old snapshots.

One thread, one act at a time, in its own scheduler pool, so that the stream comes first. A failure is
logged and shown by the keeper; the stream never stops for it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from streaming.keeper import Board
from streaming.settings import StreamingSettings


@contextmanager
def caring(
    session: SparkSession, settings: StreamingSettings, board: Board, stop: threading.Event
) -> Iterator[None]:
    yield
