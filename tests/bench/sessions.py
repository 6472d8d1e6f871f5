"""Sessions of the dashboard as browsers hold them, without the browsers.

Twenty browsers on two cores would measure themselves. A session here reads what the server sends,
and asks for the page's fragments on their timers with the hashes of what it has already, as
Streamlit's page does.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

# The server takes a session's cache for forgotten after as many runs.
_RUNS_CACHED = 2
_QUIET_SECONDS = 0.2


@dataclass
class Session:
    """One session on a page; `runs` and `received` (bytes) count what the server did for it."""

    url: str
    query: str
    runs: int = 0
    received: int = 0
    _due: dict[str, float] = field(default_factory=dict)
    _every: dict[str, float] = field(default_factory=dict)
    _cached: dict[str, int] = field(default_factory=dict)

    def follow(self, stop: threading.Event) -> None:
        """Hold the session until `stop` is set."""
        address = f"ws://{urlsplit(self.url).netloc}/_stcore/stream"
        with connect(address, max_size=None, subprotocols=["streamlit"]) as socket:
            self._ask(socket)
            while not stop.is_set():
                due = min(self._due.values(), default=time.monotonic() + _QUIET_SECONDS)
                try:
                    payload = socket.recv(min(_QUIET_SECONDS, max(0.0, due - time.monotonic())))
                except TimeoutError:
                    pass
                else:
                    assert isinstance(payload, bytes)
                    self._take(payload)
                self._ask_for_fragments(socket)

    def _take(self, payload: bytes) -> None:
        self.received += len(payload)
        message = ForwardMsg.FromString(payload)
        kind = message.WhichOneof("type")
        if message.metadata.cacheable or kind == "ref_hash":
            self._cached[message.ref_hash or message.hash] = self.runs
        if kind == "auto_rerun":
            fragment, seconds = message.auto_rerun.fragment_id, message.auto_rerun.interval
            self._every[fragment] = seconds
            self._due[fragment] = time.monotonic() + seconds
        elif kind == "new_session" and not message.new_session.fragment_ids_this_run:
            # A run of the whole page says anew which fragments there are.
            self._due.clear()
        elif kind == "script_finished":
            self.runs += 1
            self._cached = {
                one: run for one, run in self._cached.items() if self.runs - run <= _RUNS_CACHED
            }

    def _ask_for_fragments(self, socket: ClientConnection) -> None:
        now = time.monotonic()
        for fragment, due in self._due.items():
            if due <= now:
                self._due[fragment] = max(now, due + self._every[fragment])
                self._ask(socket, fragment)

    def _ask(self, socket: ClientConnection, fragment: str = "") -> None:
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = bool(fragment)
        message.rerun_script.cached_message_hashes.extend(self._cached)
        socket.send(message.SerializeToString())


@contextmanager
def sessions(url: str, query: str, count: int) -> Iterator[list[Session]]:
    """So many of them, each in a thread of its own; started over the length of one second."""
    stop = threading.Event()
    held = [Session(url, query) for _ in range(count)]
    threads = [threading.Thread(target=one.follow, args=(stop,), daemon=True) for one in held]
    for thread in threads:
        thread.start()
        time.sleep(1 / count)
    try:
        yield held
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
