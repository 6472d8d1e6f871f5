"""One WebSocket connection on websocket-client, its errors translated.

The token stands in the address, so a cause that carries the address is dropped here, not chained.
"""

import socket
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import quote, urlsplit, urlunsplit

from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketException,
    WebSocketTimeoutException,
)
from websocket._abnf import continuous_frame, frame_buffer

from catalog.errors import FeedError, FeedRefusedError, FeedThrottledError
from catalog.logs import Redactor

READ_TIMEOUT_SECONDS = 0.25
MAX_MESSAGE_BYTES = 32 * 1024 * 1024

_READ_BYTES = 256 * 1024


class Quiet(Enum):
    """What a read may bring other than a message."""

    NOTHING = "nothing in time"
    ALIVE = "a ping, answered, or a pong"


class Connection:
    """An open connection. Every failure of it is a FeedError."""

    def __init__(self, websocket: WebSocket, redact: Redactor) -> None:
        self._websocket = websocket
        self._redact = redact

    @classmethod
    def open(cls, url: str, token: str, timeout_seconds: float) -> "Connection":
        """Connect with the token in the query.

        Raises FeedRefusedError for good, FeedThrottledError for a while, FeedError otherwise.
        """
        redact = Redactor([token, quote(token, safe="")])
        shown_url = redact(url)
        websocket = WebSocket(skip_utf8_validation=True)
        websocket.frame_buffer = _BoundedFrames(websocket._recv, skip_utf8_validation=True)  # noqa: SLF001
        websocket.cont_frame = _BoundedFragments(False, True)
        try:
            websocket.connect(  # type: ignore[no-untyped-call]
                _with_token(url, token), timeout=timeout_seconds, redirect_limit=0
            )
            websocket.sock = _BufferedSocket(websocket.sock)  # type: ignore[assignment, arg-type]
            websocket.settimeout(READ_TIMEOUT_SECONDS)
        except WebSocketBadStatusException as error:
            failure = _refusal(shown_url, error.status_code, error.resp_headers or {})
        except (WebSocketException, OSError, ValueError) as error:
            failure = FeedError(
                f"The feed at {shown_url} cannot be reached ({_named(error, redact)})."
                " Trying again; check the network and TAPEHOUSE_FEED_URL if it stays so."
            )
        else:
            return cls(websocket, redact)
        raise failure

    def send(self, text: str) -> None:
        """Send a text message."""
        self._send(text, ABNF.OPCODE_TEXT)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._send(b"", ABNF.OPCODE_PING)

    def pong(self) -> None:
        """Give a sign of life unasked."""
        self._send(b"", ABNF.OPCODE_PONG)

    def receive(self) -> bytes | Quiet:
        """The next message, or what came in place of one within the read timeout."""
        failure: FeedError
        try:
            opcode, frame = self._websocket.recv_data_frame(control_frame=True)
        except WebSocketTimeoutException:
            return Quiet.NOTHING
        except (WebSocketException, OSError) as error:
            failure = self._lost(error)
        else:
            if opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY):
                return bytes(frame.data)
            if opcode != ABNF.OPCODE_CLOSE:
                return Quiet.ALIVE
            code = int.from_bytes(frame.data[:2], "big") if frame.data else "none"
            reason = self._redact(frame.data[2:].decode("utf-8", "replace"))[:200]
            failure = FeedError(
                f"The feed closed the connection (code {code}{reason and ': '}{reason})."
            )
        raise failure

    def close(self) -> None:
        """Say goodbye without waiting for an answer."""
        # websocket-client's own close leaves the socket open once the peer has said goodbye.
        with suppress(WebSocketException, OSError):
            if self._websocket.connected:
                self._websocket.send_close()
        self._websocket.shutdown()  # type: ignore[no-untyped-call]

    def _send(self, payload: str | bytes, opcode: int) -> None:
        try:
            self._websocket.send(payload, opcode)
        except (WebSocketException, OSError) as error:
            failure = self._lost(error)
        else:
            return
        raise failure

    def _lost(self, error: Exception) -> FeedError:
        return FeedError(f"The connection to the feed was lost ({_named(error, self._redact)}).")


class _BufferedSocket:
    """Reads ahead: websocket-client asks for 2 bytes, then a few more, a system call each.

    Each such call gives up Python's global lock, which beside a busy thread costs milliseconds.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ahead = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        if self._at >= len(self._ahead):
            self._ahead = self._sock.recv(_READ_BYTES)
            self._at = 0
        start = self._at
        self._at = start + size
        return self._ahead[start : self._at]

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


class _BoundedFrames(frame_buffer):
    """Refuses a frame that claims to be huge before its bytes are taken in."""

    def recv_length(self) -> None:
        super().recv_length()
        if (self.length or 0) > MAX_MESSAGE_BYTES:
            raise WebSocketException(f"a frame of {self.length} bytes, more than we take in")


class _BoundedFragments(continuous_frame):
    """The same for a message in many fragments."""

    def add(self, frame: ABNF) -> None:
        super().add(frame)
        if self.cont_data and len(self.cont_data[1]) > MAX_MESSAGE_BYTES:
            raise WebSocketException("a fragmented message longer than we take in")


def _named(error: Exception, redact: Redactor) -> str:
    return f"{type(error).__name__}: {redact(str(error))}"


def _with_token(url: str, token: str) -> str:
    parts = urlsplit(url)
    query = f"{parts.query}&" if parts.query else ""
    return urlunsplit(parts._replace(query=f"{query}token={quote(token, safe='')}"))


def _refusal(url: str, status: int, headers: dict[str, str]) -> FeedError:
    match status:
        case 401 | 403:
            return FeedRefusedError(
                f"The feed at {url} refused the token (HTTP {status}). Trying again cannot help:"
                " check FINNHUB_API_TOKEN, and that the key is not in use elsewhere."
            )
        case 429:
            wait = retry_after_seconds(headers.get("retry-after"), datetime.now(UTC))
            told = "" if wait is None else f" for {wait:.0f} s"
            return FeedThrottledError(
                f"The feed at {url} asks for patience{told} (HTTP 429). Waiting as told.", wait
            )
        case 400 | 404 | 405 | 410 | 426:
            return FeedRefusedError(
                f"The feed at {url} has no such address (HTTP {status}). Check TAPEHOUSE_FEED_URL."
            )
    return FeedError(f"The feed at {url} answered HTTP {status} to the connect. Trying again.")


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Retry-After's wait, whether it is told in seconds or as a date; None for anything else."""
    if not value:
        return None
    with suppress(ValueError):
        return max(0.0, float(value))
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    return None
