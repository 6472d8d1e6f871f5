"""A REST catalog that holds no table, and remembers what it was asked and with which words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from pydantic import SecretStr

from catalog.settings import LakeSettings

SECRETS = {"credential": "reader:catalog-secret-canary", "store_secret_key": "store-secret-canary"}


@dataclass
class StandIn:
    """What one server heard: each request's line, headers and body as one text."""

    port: int
    heard: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        """What it gives for a credential."""
        return f"session-token-canary-{self.port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> LakeSettings:
        """A lake whose catalog and store are this server."""
        return LakeSettings(
            catalog_uri=self.url,
            warehouse="s3://lake",
            store_endpoint=self.url,
            store_access_key="reader",
            store_secret_key=SecretStr(SECRETS["store_secret_key"]),
            credential=SecretStr(SECRETS["credential"]),
        )


@contextmanager
def stand_in_catalog() -> Iterator[StandIn]:
    """A server on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    heard = server.heard = StandIn(server.server_address[1])  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.heard.append(f"{self.requestline}\n{self.headers}\n{body!r}")
        answer = {"defaults": {}, "overrides": {}, "namespaces": [["market"]], "identifiers": []}
        if self.path.endswith("/oauth/tokens"):
            answer = {
                "access_token": self.server.heard.token,
                "token_type": "bearer",
                "expires_in": 3600,
            }
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
