"""The console as a service of its own: asked over HTTP by those who have its token.

`POST /ask` takes an Asked and answers with an Outcome in Arrow, `POST /cancel` takes a user,
`GET /health` tells that it listens. `serving.console.client` asks.
"""

import select
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

from pydantic import SecretStr

from catalog.endpoint import Content, Endpoint, Json, parse_object, served
from serving.console.console import Console, moment_of
from serving.console.wire import Asked

_ARROW = "application/vnd.apache.arrow.stream"
# The longest SQL, in which JSON may write a character in six bytes, and what `?` stands for.
_MOST_BYTES = 1_000_000


@contextmanager
def serve(console: Console, host: str, port: int, token: SecretStr) -> Iterator[int]:
    """Answer on `host:port` (0: any free port) until the block ends; yields the port.

    Raises SettingsError without a token, ServiceError when the port is taken.
    """
    parts = {"console": console, "token": token}
    with served(type("Handler", (_Handler,), parts), host, port) as bound:
        yield bound


class _Handler(Endpoint):
    """One request; `serve` gives its subclass the console and the token."""

    name = "console"
    most_bytes = _MOST_BYTES
    console: Console

    def gets(self) -> Mapping[str, Callable[[], Json]]:
        return {"/health": lambda: {"well": True}}

    def posts(self) -> Mapping[str, Callable[[bytes], Json | Content]]:
        return {"/ask": self._ask, "/cancel": self._cancel}

    def _ask(self, content: bytes) -> Content:
        asked = Asked.parse(content)
        with self._ended_when_nobody_waits(asked.user):
            outcome = self.console.ask(
                asked.user,
                asked.sql,
                moment_of(asked),
                asked.parameters,
                seconds=asked.seconds,
                rows=asked.rows,
            )
        return Content(_ARROW, outcome.size, outcome.write)

    def _cancel(self, content: bytes) -> Json:
        return {"cancelled": self.console.cancel(str(parse_object(content).get("user")))}

    @contextmanager
    def _ended_when_nobody_waits(self, user: str) -> Iterator[None]:
        """Around a user's question: who closes the connection has given it up."""
        inside, outside = socket.socketpair()

        def watch() -> None:
            # All of the request was read: what comes now is the end of the connection.
            readable, _, _ = select.select([self.connection, inside], [], [])
            if inside not in readable:
                self.console.cancel(user)

        watching = Thread(target=watch, name="watching", daemon=True)
        with inside:
            watching.start()
            try:
                yield
            finally:
                outside.close()
                watching.join()
