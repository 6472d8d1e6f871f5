"""One element of a trade frame's `data`, judged: a trade, a price update, or why it is neither.

The bounds are sanity, not taste: whatever passes them can be stored, multiplied and summed in
DECIMAL(38,12) without overflow.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

from catalog.settings import SYMBOL_PATTERN
from catalog.trade import Trade

MAX_SYMBOL_LENGTH = 32
MAX_PRICE = 1e12
MAX_SIZE = 1e15
MAX_TRADE_VALUE = 1e18
MAX_CONDITIONS = 64
FIRST_TIME_MS = 631_152_000_000  # 1990-01-01
DAY_MS = 86_400_000

_DIGITS = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_COMMON_CODES = {str(code): code for code in range(100)}
_MAX_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PriceUpdate:
    """An element of size zero: a price, but no execution. `event_time` in microseconds."""

    symbol: str
    event_time: int
    price: float


def judge(element: object, received_at: int, source: str) -> Trade | PriceUpdate | str:
    """What the element is, or in words why it cannot be accepted. Never raises.

    `received_at` in microseconds; an event time may be long past (a recording) but not more than a
    day ahead of it.
    """
    if not isinstance(element, dict):
        return "element is not a JSON object"
    try:
        symbol, price, time_ms, size = element["s"], element["p"], element["t"], element["v"]
    except KeyError as missing:
        return f"{missing.args[0]} is missing"
    problem = (
        _symbol_problem(symbol)
        or _price_problem(price)
        or _size_problem(size)
        or _time_problem(time_ms, received_at)
        or _value_problem(price, size)
    )
    if problem:
        return problem
    conditions = _conditions(element.get("c"))
    if isinstance(conditions, str):
        return conditions
    event_time = int(time_ms) * 1000
    if size == 0:
        return PriceUpdate(symbol, event_time, float(price))
    return Trade(symbol, event_time, float(price), float(size), conditions, received_at, source)


def shown(value: object) -> str:
    """A value as a reason may show it: short, and with nothing unprintable in it."""
    try:
        text = ascii(value)
    except (RecursionError, ValueError):
        text = type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004


def _symbol_problem(symbol: object) -> str | None:
    if symbol.__class__ is not str:
        return "s is not a string"
    if len(symbol) > MAX_SYMBOL_LENGTH:
        return f"s is longer than {MAX_SYMBOL_LENGTH} characters"
    return None if _is_symbol(symbol) else f"s is not a symbol: {shown(symbol)}"


@lru_cache(4096)
def _is_symbol(text: str) -> bool:
    return SYMBOL_PATTERN.fullmatch(text) is not None


def _price_problem(price: object) -> str | None:
    if price.__class__ is not float and price.__class__ is not int:
        return "p is not a number"
    if 0 < price <= MAX_PRICE:
        return None
    if not isfinite(price):
        return "p is not finite"
    if price <= 0:
        return f"p is not above zero: {shown(price)}"
    return f"p is above {MAX_PRICE:.0e}: {shown(price)}"


def _size_problem(size: object) -> str | None:
    if size.__class__ is not float and size.__class__ is not int:
        return "v is not a number"
    if 0 <= size <= MAX_SIZE:
        return None
    if not isfinite(size):
        return "v is not finite"
    if size < 0:
        return f"v is negative: {shown(size)}"
    return f"v is above {MAX_SIZE:.0e}: {shown(size)}"


def _time_problem(time_ms: object, received_at: int) -> str | None:
    if time_ms.__class__ is not int:
        if time_ms.__class__ is not float:
            return "t is not a number"
        if not time_ms.is_integer():
            return f"t is not a whole number of milliseconds: {shown(time_ms)}"
    if FIRST_TIME_MS <= time_ms <= received_at // 1000 + DAY_MS:
        return None
    return f"{_time_misread(time_ms)}: {shown(time_ms)}"


def _time_misread(time_ms: float) -> str:
    if time_ms <= 0:
        return "t is not above zero"
    if FIRST_TIME_MS // 1000 <= time_ms < FIRST_TIME_MS // 10:
        return "t looks like seconds, not milliseconds"
    if time_ms < FIRST_TIME_MS:
        return "t is before 1990"
    if time_ms >= FIRST_TIME_MS * 1000:
        return "t looks like microseconds or nanoseconds"
    return "t is more than a day ahead"


def _value_problem(price: float, size: float) -> str | None:
    if price * size <= MAX_TRADE_VALUE:
        return None
    return f"p x v is above {MAX_TRADE_VALUE:.0e}"


def _conditions(codes: object) -> tuple[int, ...] | str | None:
    """The codes as integers, None where there are none to know, or why they are not codes."""
    if codes is None:
        return None
    if not isinstance(codes, list):
        return "c is not a list"
    if len(codes) > MAX_CONDITIONS:
        return f"c has more than {MAX_CONDITIONS} codes"
    try:
        return tuple([_COMMON_CODES[code] for code in codes])
    except (KeyError, TypeError):
        return _uncommon_conditions(codes)


def _uncommon_conditions(codes: list[object]) -> tuple[int, ...] | str:
    numbers = []
    for code in codes:
        if isinstance(code, str) and _DIGITS.fullmatch(code):
            number = int(code)
        elif isinstance(code, int) and not isinstance(code, bool):
            number = code
        else:
            return f"c holds a code that is not a number: {shown(code)}"
        if abs(number) > _MAX_INT32:
            return f"c holds a code beyond 32 bits: {shown(code)}"
        numbers.append(number)
    return tuple(numbers)
