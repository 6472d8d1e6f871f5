"""The bounded queue between the thread that reads the feed and the one that sends to Kafka."""

from collections import deque
from collections.abc import Callable
from threading import Condition

from catalog.trade import FeedEvent
from ingest.frame import Frame

Item = Frame | FeedEvent

MAX_ITEMS = 20_000
MAX_BYTES = 64 * 1024 * 1024

_LOOK_UP_SECONDS = 1.0


class FrameQueue:
    """Bounded by frames and by bytes; full means that the reader stops taking frames.

    Then the kernel's buffers fill and the peer has to wait: nothing is dropped. One reader, one
    taker; an error of the reader's reaches the taker after all that came before it.
    """

    def __init__(self, max_items: int = MAX_ITEMS, max_bytes: int = MAX_BYTES) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._changed = Condition()
        self._ended = False
        self._error: Exception | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item, while_full: Callable[[], None] = lambda: None) -> None:
        """Add an item, waiting for room; `while_full` is called every second of the wait.

        An item longer than the whole bound is let in alone.
        """
        size = len(item.raw) if isinstance(item, Frame) else 0
        with self._changed:
            while self._is_full(size) and not self._ended:
                if not self._changed.wait(_LOOK_UP_SECONDS):
                    while_full()
            self._items.append(item)
            self._bytes += size
            if len(self._items) == 1:
                self._changed.notify()

    def take(self, most: int, timeout: float) -> list[Item] | None:
        """Up to `most` items; [] when none came in `timeout` seconds, None when none will come.

        Raises what the reader failed with, once all before it is taken.
        """
        with self._changed:
            if not self._items and not self._ended:
                self._changed.wait(timeout)
            if not self._items and self._ended:
                if self._error is not None:
                    raise self._error
                return None
            items = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._bytes -= sum(len(item.raw) for item in items if isinstance(item, Frame))
            self._changed.notify()
            return items

    def end(self, error: Exception | None = None) -> None:
        """No more will be put."""
        with self._changed:
            self._ended = True
            self._error = error
            self._changed.notify_all()

    def _is_full(self, size: int) -> bool:
        return len(self._items) >= self._max_items or (
            bool(self._items) and self._bytes + size > self._max_bytes
        )
