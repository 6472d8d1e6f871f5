"""The keeper: what others may ask of the writing side, and nothing else.

Answers come from a `Board` that the queries' listener and care write on, so a request never touches
Spark, Kafka or the lake.
"""

import hmac
import json
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from catalog.errors import ServiceError, SettingsError
from catalog.logs import get_logger

_ACTS_KEPT = 20
_REQUEST_SECONDS = 10
# What a keeper that listens everywhere is asked at.
_REACHABLE = {"0.0.0.0": "127.0.0.1"}  # noqa: S104

log = get_logger("streaming.keeper")

Json = dict[str, Any]


class Board:
    """The newest status, replaced a part at a time; safe to use from any thread."""

    def __init__(self, version: str, started_at: str) -> None:
        self._lock = threading.Lock()
        self._parts: Json = {
            "version": version,
            "started_at": started_at,
            "query": {
                "id": None,
                "epoch": None,
                "trigger_seconds": None,
                "rows_per_second": 0.0,
                "batch_ms": None,
                "waiting": True,
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
def serve(board: Board, host: str, port: int, token: SecretStr) -> Iterator[int]:
    """Answer on `host:port` (0: any free port) until the block ends; yields the port.

    Raises SettingsError without a token, ServiceError when the port is taken.
    """
    if not token.get_secret_value():
        raise SettingsError(
            "The keeper has no token, and would answer anyone: set TAPEHOUSE_KEEPER_TOKEN to the"
            " secret that its askers know too."
        )
    handler = type("Handler", (_Handler,), {"board": board, "token": token})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise ServiceError(
            f"The keeper cannot listen on {host}:{port} ({error.strerror}). Free the port or set"
            " TAPEHOUSE_KEEPER_PORT."
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="keeper", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def ask_status(host: str, port: int, token: SecretStr, seconds: float = 5.0) -> Json:
    """The status that a keeper tells now. Raises ServiceError when it is silent or refuses."""
    request = urllib.request.Request(
        f"http://{_REACHABLE.get(host, host)}:{port}/status",
        headers={"Authorization": f"Bearer {token.get_secret_value()}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            status: Json = json.load(answer)
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise ServiceError(
            f"The streaming job does not answer ({error}): it is starting, or it failed."
            " `tapehouse status` tells which; its log says why."
        ) from error
    return status


class _Handler(BaseHTTPRequestHandler):
    """One request; `serve` gives its subclass the board and the token."""

    board: Board
    token: SecretStr
    timeout = _REQUEST_SECONDS
    server_version = "tapehouse"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._is_allowed():
            self._answer(
                HTTPStatus.UNAUTHORIZED, {"error": "A bearer token is needed, and this is not it."}
            )
        elif self.path != "/status":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "There is only /status."})
        else:
            self._answer(HTTPStatus.OK, self.board.to_json())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name upstream)
        log.debug("asked", client=self.client_address[0], what=format % args)

    def _is_allowed(self) -> bool:
        given = self.headers.get("Authorization", "").encode(errors="replace")
        wanted = f"Bearer {self.token.get_secret_value()}".encode()
        return hmac.compare_digest(given, wanted)

    def _answer(self, status: int, body: Json) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Cache-Control", "no-store")
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(payload)
