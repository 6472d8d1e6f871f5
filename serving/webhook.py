"""The webhook: an alert's firing, posted as JSON. The only request that may leave the machine.

It is off unless `TAPEHOUSE_ALERT_WEBHOOK` names an address. A post is a POST of
`{"alert", "text", "fired_at"}`, `fired_at` in ISO 8601; any 2xx is success. A redirect is not
followed: it would send the alert somewhere that nobody named. The address is never shown, since its
path is often what keeps strangers out; its host is.
"""

import json
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from pydantic import SecretStr
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_exponential_jitter,
)
from tenacity.wait import wait_base

from catalog.errors import TapehouseError
from catalog.logs import get_logger
from serving.alerts import Firing
from serving.times import to_time

_TIMEOUT_SECONDS = 5.0
_ATTEMPTS = 4
_WAITING_MOST = 100
_NO_ANSWER = (OSError, HTTPException)
_WAIT = wait_exponential_jitter(initial=1, max=20)

_LOG = get_logger(__name__)

Told = Callable[[int, str], None]
"""Is told, from the webhook's thread, a firing's id and what became of its post."""


class Webhook:
    """Posts firings one after another, in a thread of its own between `start` and `stop`."""

    def __init__(self, url: SecretStr, tell: Told, wait: wait_base = _WAIT) -> None:
        self._url = url.get_secret_value()
        self._tell = tell
        self._wait = wait
        self._waiting: queue.Queue[Firing | None] = queue.Queue(_WAITING_MOST)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)

    @property
    def host(self) -> str:
        """Where it posts to; empty when it is off."""
        return urlsplit(self._url).hostname or ""

    def start(self) -> None:
        """Begin to post, if there is an address."""
        if self._url:
            self._thread.start()

    def stop(self) -> None:
        """End; what still waits is not posted."""
        self._stopping.set()
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(_TIMEOUT_SECONDS)

    def post(self, firing: Firing) -> None:
        """Have it posted soon; returns at once. Without an address nothing is done."""
        if not self._url:
            return
        try:
            self._waiting.put_nowait(firing)
        except queue.Full:
            self._tell(firing.id, f"not posted: {_WAITING_MOST} others wait")

    def _work(self) -> None:
        while (firing := self._waiting.get()) is not None and not self._stopping.is_set():
            outcome = self._deliver(firing)
            _LOG.info("alert_posted", firing=firing.id, outcome=outcome)
            try:
                self._tell(firing.id, outcome)
            except TapehouseError as error:
                _LOG.warning("outcome_not_kept", firing=firing.id, why=str(error))

    def _deliver(self, firing: Firing) -> str:
        """What became of it, in words without the address."""
        trying = Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=self._wait,
            retry=retry_if_result(is_transient) | retry_if_exception_type(_NO_ANSWER),
            retry_error_callback=_last,
            sleep=self._pause,
        )
        try:
            status = trying(_post, self._url, to_body(firing))
        except (*_NO_ANSWER, ValueError) as error:
            # Its text may quote the address.
            reason = getattr(error, "reason", error)
            return f"not posted: {type(reason).__name__}"
        return "posted" if _is_success(status) else f"refused with HTTP {status}"

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)


def _is_success(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def is_transient(status: int) -> bool:
    """Whether another try may help."""
    busy = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    return status in busy or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def to_body(firing: Firing) -> bytes:
    """What is posted."""
    told = {
        "alert": firing.words,
        "text": firing.text,
        "fired_at": to_time(firing.fired_at).isoformat(),
    }
    return json.dumps(told).encode()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Nothing: the answer stays what it is, a refusal."""


def _last(state: RetryCallState) -> int:
    """After the last try: its status, or its error is raised."""
    return int(state.outcome.result() if state.outcome else 0)


def _post(url: str, body: bytes) -> int:
    """The HTTP status of the answer."""
    headers = {"Content-Type": "application/json", "User-Agent": "tapehouse"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 (checked by the settings)
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:  # it holds the connection
            return refusal.code
