"""The keeper: what others may ask of the writing side, and nothing else.

The status comes from a `Board` that the queries' listener and care write on, so that asking for it
never touches Spark, Kafka or the lake. An act is asked for by POST and answered once it is done.
`catalog.keeper_client` asks.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from pydantic import SecretStr

from catalog.endpoint import Endpoint, Json, parse_object, served
from catalog.logs import get_logger

_ACTS_KEPT = 50

log = get_logger("streaming.keeper")

Act = Callable[[Json], Json]
"""Does what a request's body says and tells what came of it; called from any thread, also twice at
once. Raises TapehouseError."""


class Board:
    """The newest status, replaced a part at a time; safe to use from any thread."""

    def __init__(
        self, version: str, started_at: str, libraries: Mapping[str, str] | None = None
    ) -> None:
        """`libraries`: the versions of what the process is made of, by name."""
        self._lock = threading.Lock()
        self._parts: Json = {
            "version": version,
            "libraries": dict(libraries or {}),
            "started_at": started_at,
            "query": {
                "id": None,
                "epoch": None,
                "trigger_seconds": None,
                # The configured trigger and why it is not kept to, while it is not.
                "stretched": None,
                # While it works, and since the trigger before: what it could take, what there was.
                "rows_per_second": 0.0,
                "input_rows_per_second": 0.0,
                "batch_ms": None,
                "waiting": True,
                # When the query was last heard of, busy or not.
                "reported_at": None,
            },
            "offsets": {},
            "tables": {},
        }
        self._acts: deque[Json] = deque(maxlen=_ACTS_KEPT)

    def update_query(self, **fields: object) -> None:
        """Replace fields of the trades query's part."""
        with self._lock:
            self._parts["query"] = self._parts["query"] | fields

    def update_offsets(self, topic: str, name: str, offsets: dict[int, int]) -> None:
        """Replace one number (`stored`, `latest`, `checked`) of a topic's topic partitions."""
        with self._lock:
            known = self._parts["offsets"].get(topic, {})
            changed = {str(p): known.get(str(p), {}) | {name: o} for p, o in offsets.items()}
            self._parts["offsets"] = self._parts["offsets"] | {topic: known | changed}

    def update_table(self, name: str, **fields: object) -> None:
        """Replace fields of a table's part."""
        with self._lock:
            known = self._parts["tables"].get(name, {})
            self._parts["tables"] = self._parts["tables"] | {name: known | fields}

    def add_act(self, act: Json) -> None:
        """Add an act of care; only the newest are kept."""
        with self._lock:
            self._acts.append(act)

    def to_json(self) -> Json:
        """The whole status."""
        with self._lock:
            return {**self._parts, "care": {"runs": list(self._acts)}}


@contextmanager
def serve(
    board: Board, host: str, port: int, token: SecretStr, acts: Mapping[str, Act] | None = None
) -> Iterator[int]:
    """Answer on `host:port` (0: any free port) until the block ends; yields the port.

    `acts` are looked up by their path at each request: some may be added while it serves. Raises
    SettingsError without a token, ServiceError when the port is taken.
    """
    parts = {"board": board, "token": token, "acts": {} if acts is None else acts}
    with served(type("Handler", (_Handler,), parts), host, port) as bound:
        yield bound


class _Handler(Endpoint):
    """One request; `serve` gives its subclass the board, the token and the acts."""

    name = "keeper"
    board: Board
    acts: Mapping[str, Act]

    def gets(self) -> Mapping[str, Callable[[], Json]]:
        return {"/status": self.board.to_json}

    def posts(self) -> Mapping[str, Callable[[bytes], Json]]:
        return {path: partial(self._act, act) for path, act in self.acts.items()}

    def _act(self, act: Act, content: bytes) -> Json:
        log.info("act_asked_for", path=self.path, client=self.client_address[0])
        return act(parse_object(content))
