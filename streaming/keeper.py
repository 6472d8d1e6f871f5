"""The keeper: what others may ask of the writing side, and nothing else.

The status comes from a `Board` that the queries' listener and care write on, so that asking for it
never touches Spark, Kafka or the lake. An act is asked for by POST and answered once it is done;
what cannot be done as asked is a 400, what failed a 503, each with its reason as `{"error": ...}`.
`catalog.keeper_client` asks.
"""

import hmac
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr

from catalog.errors import (
    MomentError,
    QueryError,
    ServiceError,
    SettingsError,
    TapehouseError,
)
from catalog.logs import get_logger

_ACTS_KEPT = 50
_REQUEST_SECONDS = 10
_MOST_BYTES = 16 * 1024
_STATUS = "/status"
# Whoever asked can mend these; anything else is a failure of ours, or of a service.
_ASKERS_FAULTS = (SettingsError, MomentError, QueryError)

log = get_logger("streaming.keeper")

Json = dict[str, Any]
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
    if not token.get_secret_value():
        raise SettingsError(
            "The keeper has no token, and would answer anyone: set TAPEHOUSE_KEEPER_TOKEN to the"
            " secret that its askers know too."
        )
    parts = {"board": board, "token": token, "acts": {} if acts is None else acts}
    handler = type("Handler", (_Handler,), parts)
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


class _RefusedError(Exception):
    """A request that is answered with an error: its HTTP status, and why."""

    def __init__(self, status: HTTPStatus, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


class _Handler(BaseHTTPRequestHandler):
    """One request; `serve` gives its subclass the board, the token and the acts."""

    board: Board
    token: SecretStr
    acts: Mapping[str, Act]
    timeout = _REQUEST_SECONDS
    server_version = "tapehouse"
    sys_version = ""

    def do_GET(self) -> None:
        self._respond(self._tell)

    def do_POST(self) -> None:
        self._respond(self._do)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name upstream)
        log.debug("asked", client=self.client_address[0], what=format % args)

    def _respond(self, respond: Callable[[], Json]) -> None:
        try:
            body = respond()
        except _RefusedError as error:
            self._answer(error.status, {"error": str(error)}, error.headers)
        except TapehouseError as error:
            self._answer(*_judged(error))
        except Exception as error:
            log.exception("act_failed", path=self.path)
            why = (
                f"{self.path} failed ({type(error).__name__}); the streaming job's log says where."
            )
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": why})
        else:
            self._answer(HTTPStatus.OK, body)

    def _tell(self) -> Json:
        self._require_token()
        if self.path != _STATUS:
            raise self._wrong_path("POST" if self.path in self.acts else None)
        return self.board.to_json()

    def _do(self) -> Json:
        # Read before anything is answered: a connection closed with bytes unread is a reset one.
        content = self._content()
        self._require_token()
        act = self.acts.get(self.path)
        if act is None:
            raise self._wrong_path("GET" if self.path == _STATUS else None)
        log.info("act_asked_for", path=self.path, client=self.client_address[0])
        return act(_parse(content))

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "A Content-Length is needed.")
        if int(length) > _MOST_BYTES:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {_MOST_BYTES} bytes are read."
            )
        return self.rfile.read(int(length))

    def _require_token(self) -> None:
        given = self.headers.get("Authorization", "").encode(errors="replace")
        wanted = f"Bearer {self.token.get_secret_value()}".encode()
        if not hmac.compare_digest(given, wanted):
            raise _RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "A bearer token is needed, and this is not it.",
                **{"WWW-Authenticate": "Bearer"},
            )

    def _wrong_path(self, allowed: str | None) -> _RefusedError:
        if allowed:
            why = f"{self.path} is asked by {allowed}."
            return _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, why, Allow=allowed)
        known = ", ".join((f"GET {_STATUS}", *(f"POST {path}" for path in sorted(self.acts))))
        return _RefusedError(HTTPStatus.NOT_FOUND, f"There is only {known}.")

    def _answer(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)


def _judged(error: TapehouseError) -> tuple[HTTPStatus, Json]:
    """Whose fault it was; with the exit code, by which the asker knows the error's kind."""
    asker = isinstance(error, _ASKERS_FAULTS)
    if not asker:
        log.error("act_failed", why=str(error))
    status = HTTPStatus.BAD_REQUEST if asker else HTTPStatus.SERVICE_UNAVAILABLE
    return status, {"error": str(error), "exit_code": error.exit_code}


def _parse(content: bytes) -> Json:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise SettingsError("The body of an act must be a JSON object.")
    return body
