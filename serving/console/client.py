"""Asking a console that is a service of its own (`serving.console.server`)."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from catalog import endpoint_client
from catalog.endpoint_client import NO_ANSWER
from catalog.errors import ServiceError
from catalog.moments import Moment
from serving.console.gate import check_text
from serving.console.settings import ConsoleServiceSettings, ConsoleSettings
from serving.console.wire import Asked, Outcome

_CANCEL_SECONDS = 10.0
# Beside the question's own: its moment may have to be looked up, and a process to be started.
_MORE_SECONDS = 60.0


class ConsoleClient:
    """Asks the service as one asks a `Console`: the same answers, the same errors.

    Safe to share between threads. A question whose asker is gone is ended by the service.
    """

    def __init__(self, service: ConsoleServiceSettings, limits: ConsoleSettings) -> None:
        self._service = service
        self._limits = limits

    def prepare(self) -> None:
        """Nothing: the service has processes ready by itself."""

    def ask(
        self,
        user: str,
        sql: str,
        as_of: Moment | None = None,
        parameters: Sequence[object] = (),
        *,
        seconds: float | None = None,
        rows: int | None = None,
    ) -> Outcome:
        """As `Console.ask`; raises ServiceError, too, when the service does not answer."""
        check_text(sql)
        moment = None if as_of is None else str(as_of)
        # What else a value may be is refused there, and by JSON.
        asked = Asked(user, sql, moment, tuple(parameters), seconds, rows)  # type: ignore[arg-type]
        patience = (seconds or self._limits.seconds) + _MORE_SECONDS
        with _answered_within(patience):
            return Outcome.parse(self._post("/ask", asked.to_bytes(), patience))

    def cancel(self, user: str) -> bool:
        """End the user's running question, if there is one. Raises ServiceError."""
        with _answered_within(_CANCEL_SECONDS):
            content = json.dumps({"user": user}).encode()
            answer = json.loads(self._post("/cancel", content, _CANCEL_SECONDS))
        return bool(answer == {"cancelled": True})

    def close(self) -> None:
        """Nothing: questions end with those that ask them."""

    def _post(self, path: str, content: bytes, seconds: float) -> bytes:
        url = f"{self._service.url.rstrip('/')}{path}"
        return endpoint_client.ask(url, self._service.token, content, seconds)


@contextmanager
def _answered_within(seconds: float) -> Iterator[None]:
    """Around asking and reading what comes: no answer, or nobody's of ours, is a ServiceError."""
    try:
        yield
    except TimeoutError as error:
        raise ServiceError(
            f"The console has not answered within {seconds:g} s, and the question is given up. Its"
            " container's log tells what it does."
        ) from error
    except NO_ANSWER as error:
        raise ServiceError(
            f"The console does not answer ({error}): it is starting, or it failed."
            " `tapehouse status` tells which; its log says why."
        ) from error
