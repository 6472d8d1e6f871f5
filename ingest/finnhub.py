"""Finnhub's WebSocket messages, as a pure protocol: text in, values out, and back.

Nothing here does I/O and nothing that reads a frame raises, whatever the bytes. The messages write
themselves beside where they are parsed, so that the simulator speaks exactly what the client reads.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from catalog.trade import Rejection, Trade
from ingest.elements import PriceUpdate, judge, shown

MAX_FRAME_BYTES = 8 * 1024 * 1024
MAX_ELEMENTS = 50_000

TOO_MANY_SYMBOLS = "Subscribing to too many symbols"

_NOT_A_NUMBER = re.compile(rb"[\[:,\s]-?(?:NaN|Infinity)\b")


@dataclass(frozen=True, slots=True)
class ParsedFrame:
    """What one frame held.

    `elements` is what was judged: the length of `data`, or 1 for a frame refused as a whole, so
    that trades + price updates + rejections == elements always.
    """

    trades: list[Trade] = field(default_factory=list)
    price_updates: list[PriceUpdate] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    elements: int = 0
    ping: bool = False
    error: str | None = None


class WireTrade(NamedTuple):
    """A trade as it stands on the wire: its time in milliseconds, its codes as strings or null."""

    symbol: str
    price: float
    time_ms: int
    size: float
    conditions: tuple[str, ...] | None

    def to_wire(self) -> dict[str, object]:
        """The element of `data`, its keys in Finnhub's order."""
        return {
            "c": self.conditions,
            "p": self.price,
            "s": self.symbol,
            "t": self.time_ms,
            "v": self.size,
        }


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a client asks for: to begin, or to stop, getting a symbol's trades."""

    symbol: str
    wanted: bool = True

    def to_text(self) -> str:
        """The message."""
        kind = "subscribe" if self.wanted else "unsubscribe"
        return orjson.dumps({"type": kind, "symbol": self.symbol}).decode()

    @classmethod
    def parse(cls, text: str | bytes) -> "Subscription | None":
        """The inverse of `to_text`; None for anything else."""
        try:
            message = orjson.loads(text)
            kind, symbol = message["type"], message["symbol"]
        except (ValueError, KeyError, TypeError):
            return None
        if kind not in ("subscribe", "unsubscribe") or not isinstance(symbol, str):
            return None
        return cls(symbol, kind == "subscribe")


def trade_frame(trades: Iterable[WireTrade]) -> str:
    """A frame that carries these trades."""
    data = [trade.to_wire() for trade in trades]
    return orjson.dumps({"data": data, "type": "trade"}).decode()


def ping_frame() -> str:
    """The vendor's own sign of life, about once a minute; it expects no answer."""
    return '{"type":"ping"}'


def error_frame(text: str) -> str:
    """A frame that reports an error; it does not name the symbol."""
    return orjson.dumps({"msg": text, "type": "error"}).decode()


def parse_frame(raw: bytes | str, received_at: int, source: str) -> ParsedFrame:
    """What a frame holds; each element of its `data` is judged alone.

    `received_at` is in microseconds. Never raises: what cannot be accepted comes back as a
    rejection with its reason, a frame that cannot be read at all as exactly one.
    """
    if len(raw) > MAX_FRAME_BYTES:
        return _refused(raw, f"frame longer than {MAX_FRAME_BYTES} bytes", received_at)
    try:
        message = orjson.loads(raw)
    except ValueError as error:
        return _refused(raw, _why_not_json(raw, str(error)), received_at)
    if isinstance(message, dict) and message.get("type") == "trade":
        return _parse_data(message.get("data"), raw, received_at, source)
    return _parse_other(message, raw, received_at)


def _parse_other(message: object, raw: bytes | str, received_at: int) -> ParsedFrame:
    if not isinstance(message, dict):
        return _refused(raw, "frame is not a JSON object", received_at)
    match message:
        case {"type": "ping"}:
            return ParsedFrame(ping=True)
        case {"type": "error", "msg": str(text)}:
            return ParsedFrame(error=text)
        case {"type": "error"}:
            reason = "error frame without a text in msg"
        case {"type": kind}:
            reason = f"unknown frame type {shown(kind)}"
        case _:
            reason = "frame has no type"
    return _refused(raw, reason, received_at)


def _parse_data(data: object, raw: bytes | str, received_at: int, source: str) -> ParsedFrame:
    if not isinstance(data, list):
        what = "has no data" if data is None else "has data that is not a list"
        return _refused(raw, f"trade frame {what}", received_at)
    if len(data) > MAX_ELEMENTS:
        return _refused(raw, f"trade frame with more than {MAX_ELEMENTS} elements", received_at)
    parsed = ParsedFrame(elements=len(data))
    trades, price_updates, rejections = parsed.trades, parsed.price_updates, parsed.rejections
    for index, element in enumerate(data):
        verdict = judge(element, received_at, source)
        if verdict.__class__ is Trade:
            trades.append(verdict)
        elif isinstance(verdict, PriceUpdate):
            price_updates.append(verdict)
        else:
            refused = _rewritten(element, raw)
            rejections.append(Rejection.of(refused, str(verdict), received_at, index))
    return parsed


def _refused(raw: bytes | str, reason: str, received_at: int) -> ParsedFrame:
    rejection = Rejection.of(_bytes(raw), reason, received_at)
    return ParsedFrame(rejections=[rejection], elements=1)


def _rewritten(element: object, frame: bytes | str) -> bytes:
    """The element as JSON again; one too deep to be written stands as its whole frame."""
    try:
        return orjson.dumps(element)
    except orjson.JSONEncodeError:
        return _bytes(frame)


def _bytes(raw: bytes | str) -> bytes:
    return raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")


def _why_not_json(raw: bytes | str, problem: str) -> str:
    if not raw.strip():
        return "not JSON: the frame is empty"
    if "depth limit" in problem or "ecursion" in problem:
        return "not JSON that can be read: nested too deep"
    if _NOT_A_NUMBER.search(_bytes(raw)):
        return "not JSON: NaN and Infinity are not JSON numbers"
    return f"not JSON: {problem}"
