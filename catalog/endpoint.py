"""A small endpoint that one process has for others: HTTP, and a token with every request.

What cannot be done as asked is a 400, what failed a 503, each with its reason as `{"error": ...}`
and the kind of error it was. `catalog.endpoint_client` asks.
"""

import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from pydantic import SecretStr

from catalog.errors import (
    MomentError,
    QueryError,
    ServiceError,
    SettingsError,
    TapehouseError,
)
from catalog.logs import get_logger

_REQUEST_SECONDS = 10
# Whoever asked can mend these; anything else is a failure of ours, or of a service.
_ASKERS_FAULTS = (SettingsError, MomentError, QueryError)

log = get_logger("catalog.endpoint")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """An answer's body: its type, its length in bytes, and what writes it to a binary stream."""

    kind: str
    length: int
    write: Callable[[Any], object]

    @classmethod
    def of(cls, body: Json) -> Self:
        """As JSON."""
        payload = json.dumps(body).encode()
        return cls("application/json", len(payload), lambda stream: stream.write(payload))


class Endpoint(BaseHTTPRequestHandler):
    """One request. A subclass has a name and the token, and says what is answered.

    What answers runs in a thread of its own for each request, and raises TapehouseError where it
    cannot.
    """

    name: str
    token: SecretStr
    most_bytes = 16 * 1024
    timeout = _REQUEST_SECONDS
    server_version = "tapehouse"
    sys_version = ""

    def gets(self) -> Mapping[str, Callable[[], Json]]:
        """What is told at each path; looked up anew for each request."""
        return {}

    def posts(self) -> Mapping[str, Callable[[bytes], Json | Content]]:
        """What is done at each path with a request's body, of `most_bytes` at most."""
        return {}

    def do_GET(self) -> None:
        self._respond(self._tell)

    def do_POST(self) -> None:
        self._respond(self._do)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name upstream)
        log.debug("asked", of=self.name, client=self.client_address[0], what=format % args)

    def _respond(self, respond: Callable[[], Json | Content]) -> None:
        try:
            body = respond()
        except _RefusedError as error:
            self._answer(error.status, {"error": str(error)}, error.headers)
        except TapehouseError as error:
            self._answer(*self._judged(error))
        except Exception as error:
            log.exception("failed", of=self.name, path=self.path)
            kind = type(error).__name__
            why = f"{self.path} failed ({kind}); the log of the {self.name} says where."
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": why})
        else:
            self._answer(HTTPStatus.OK, body)

    def _tell(self) -> Json:
        self._require_token()
        tell = self.gets().get(self.path)
        if tell is None:
            raise self._wrong_path("POST" if self.path in self.posts() else None)
        return tell()

    def _do(self) -> Json | Content:
        # Read before anything is answered: a connection closed with bytes unread is a reset one.
        content = self._content()
        self._require_token()
        act = self.posts().get(self.path)
        if act is None:
            raise self._wrong_path("GET" if self.path in self.gets() else None)
        return act(content)

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "A Content-Length is needed.")
        if int(length) > self.most_bytes:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {self.most_bytes} bytes are read."
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

    def _wrong_path(self, allowed: str | None) -> "_RefusedError":
        if allowed:
            why = f"{self.path} is asked by {allowed}."
            return _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, why, Allow=allowed)
        known = [f"GET {path}" for path in sorted(self.gets())]
        known += [f"POST {path}" for path in sorted(self.posts())]
        return _RefusedError(HTTPStatus.NOT_FOUND, f"There is only {', '.join(known)}.")

    def _judged(self, error: TapehouseError) -> tuple[HTTPStatus, Json]:
        """Whose fault it was; with the exit code, by which the asker knows the error's kind."""
        asker = isinstance(error, _ASKERS_FAULTS)
        if not asker:
            log.error("failed", of=self.name, why=str(error))
        status = HTTPStatus.BAD_REQUEST if asker else HTTPStatus.SERVICE_UNAVAILABLE
        return status, {"error": str(error), "exit_code": error.exit_code}

    def _answer(
        self, status: int, body: Json | Content, headers: Mapping[str, str] | None = None
    ) -> None:
        content = body if isinstance(body, Content) else Content.of(body)
        # Who asked may be gone meanwhile.
        with suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Type", content.kind)
            self.send_header("Content-Length", str(content.length))
            self.send_header("Cache-Control", "no-store")
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            content.write(self.wfile)


class _RefusedError(Exception):
    """A request that is answered with an error: its HTTP status, and why."""

    def __init__(self, status: HTTPStatus, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


@contextmanager
def served(kind: type[Endpoint], host: str, port: int) -> Iterator[int]:
    """Answer on `host:port` (0: any free port) until the block ends; yields the port.

    Raises SettingsError without a token, ServiceError when the port is taken.
    """
    variable = f"TAPEHOUSE_{kind.name.upper()}"
    if not kind.token.get_secret_value():
        raise SettingsError(
            f"The {kind.name} has no token, and would answer anyone: set {variable}_TOKEN to the"
            " secret that its askers know too."
        )
    try:
        server = ThreadingHTTPServer((host, port), kind)
    except OSError as error:
        raise ServiceError(
            f"The {kind.name} cannot listen on {host}:{port} ({error.strerror}). Free the port or"
            f" set {variable}_PORT."
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name=kind.name, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def parse_object(content: bytes) -> Json:
    """A request's body as a JSON object. Raises SettingsError."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise SettingsError("The body of an act must be a JSON object.")
    return body
