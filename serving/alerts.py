"""Alerts: what a user asks to be told of, and whether it holds. Values in and out.

An alert fires when what it asks for begins to hold. It fires again once that has ceased to hold and
`QUIET_SECONDS` have passed: a price that flutters around a mark is told once a minute at most.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from typing import Any

from catalog.calendars import is_around_the_clock, session_from
from catalog.conditions import NOT_OPEN_CLOSE
from catalog.errors import SettingsError
from catalog.settings import SYMBOL_PATTERN
from serving.bars import SECOND, Bar, Interval
from serving.frames import Frame, Quote
from serving.hours import is_closed
from serving.times import to_microseconds, to_time

QUIET_SECONDS = 60

_MINUTE = 60
_USUAL_SECONDS = 3600
_LEAST_USUAL_SECONDS = 600
_NO_LAST_PRICE = frozenset(NOT_OPEN_CLOSE)


class Kind(StrEnum):
    """What an alert may ask for."""

    PRICE = "price"
    MOVE = "move"
    VOLUME = "volume"
    GAP = "gap"
    STALE = "stale"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an alert of a kind is made of.

    `unit` is that of its threshold, which lies between `least` and `most`. `symbol` is whether it
    is about one: True, False, or None where it may be about one or about all. `windows` are the
    lengths of time, in seconds, that it may look back over; none where it looks at the present.
    """

    title: str
    unit: str
    default: float
    least: float
    most: float
    symbol: bool | None
    windows: tuple[int, ...] = ()


_DAY_SECONDS = 86_400.0

TERMS: Mapping[Kind, Terms] = {
    Kind.PRICE: Terms("Price crosses", "price", 100.0, 1e-12, 1e12, symbol=True),
    Kind.MOVE: Terms(
        "Percent move", "% or more, up or down", 1.0, 0.01, 1000.0, True, (60, 300, 900, 3600)
    ),
    Kind.VOLUME: Terms(
        "Volume burst", "times the usual volume", 5.0, 1.1, 10_000.0, True, (60, 300, 900)
    ),
    Kind.GAP: Terms("Gap in the feed", "seconds or longer", 5.0, 0.0, _DAY_SECONDS, symbol=False),
    Kind.STALE: Terms("Stale feed", "seconds without a trade", 60.0, 5.0, _DAY_SECONDS, None),
    Kind.REJECTED: Terms(
        "Rejected rate", "rejected a minute", 1.0, 0.01, 1e6, False, (60, 300, 900)
    ),
}


@dataclass(frozen=True, slots=True)
class Alert:
    """What is asked for; times in microseconds. An `id` of 0 is of one that is not stored yet.

    No `symbol` stands for all, no `window_seconds` for the present.
    """

    kind: Kind
    threshold: float
    symbol: str = ""
    window_seconds: int = 0
    enabled: bool = True
    id: int = 0
    created_at: int = 0

    @property
    def words(self) -> str:
        """In words, as the page and the webhook tell it."""
        number, window = f"{self.threshold:,.10g}", length(self.window_seconds)
        match self.kind:
            case Kind.PRICE:
                return f"{self.symbol} crosses {number}"
            case Kind.MOVE:
                return f"{self.symbol} moves {number} % within {window}"
            case Kind.VOLUME:
                return f"{self.symbol} trades {number} times its usual volume within {window}"
            case Kind.GAP:
                return f"a gap of {number} s or longer in the feed"
            case Kind.STALE:
                return f"no trade{f' of {self.symbol}' if self.symbol else ''} for {number} s"
            case Kind.REJECTED:
                return f"{number} rejected a minute, over {window}"


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that an alert fired; times in microseconds, `ended_at` None while it holds.

    `words` are the alert's, `text` is what was seen, `delivery` what became of the webhook's post.
    """

    id: int
    alert_id: int
    words: str
    fired_at: int
    ended_at: int | None
    text: str
    delivery: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What alerts are judged by; times in microseconds.

    `prices` are those that a symbol's last price went through since the look before, led by what
    it was then. `gaps` (from, to) were heard of since then. `rejections` are (when they were seen,
    how many), oldest first.
    """

    frame: Frame
    now: int
    prices: Mapping[str, Sequence[float]] = field(default_factory=dict)
    gaps: Sequence[tuple[int, int]] = ()
    rejections: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """Whether what an alert asks for holds, and what is seen, in words."""

    holds: bool
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """An alert that fired, or that holds no longer."""

    alert: Alert
    fired: bool
    text: str


def check(alert: Alert) -> Alert:
    """The alert, if it can be. Raises SettingsError."""
    terms = TERMS[alert.kind]
    if not (isfinite(alert.threshold) and terms.least <= alert.threshold <= terms.most):
        raise SettingsError(
            f"{terms.title}: {alert.threshold:g} cannot be; the value must be between"
            f" {terms.least:g} and {terms.most:g} ({terms.unit})."
        )
    if terms.symbol and not alert.symbol:
        raise SettingsError(f"{terms.title} is about a symbol: choose one.")
    if alert.symbol and (terms.symbol is False or not SYMBOL_PATTERN.fullmatch(alert.symbol)):
        raise SettingsError(f"{terms.title} cannot be about the symbol {alert.symbol!r}.")
    if alert.window_seconds not in (terms.windows or (0,)):
        raise SettingsError(f"{terms.title} cannot look at {alert.window_seconds} s.")
    return alert


class Judge:
    """Remembers which alerts hold, so that each is told when it begins and ends; not thread-safe.

    `holding` are the alerts that held before, and when (microseconds) they fired.
    """

    def __init__(self, holding: Mapping[int, int]) -> None:
        self._holding = set(holding)
        self._fired_at = dict(holding)
        self.readings: Mapping[int, Reading] = {}

    def look(self, alerts: Iterable[Alert], evidence: Evidence) -> list[Change]:
        """What has changed; every reading is in `readings` afterwards.

        An alert that is no longer there, or no longer enabled, does not hold.
        """
        enabled = {alert.id: alert for alert in alerts if alert.enabled}
        self._holding &= enabled.keys()
        self.readings = {key: read(alert, evidence) for key, alert in enabled.items()}
        return [
            change
            for key, alert in enabled.items()
            if (change := self._change(alert, self.readings[key], evidence.now))
        ]

    def _change(self, alert: Alert, reading: Reading, now: int) -> Change | None:
        if alert.id in self._holding:
            if reading.holds:
                return None
            self._holding.discard(alert.id)
            return Change(alert, fired=False, text=reading.text)
        quiet_until = self._fired_at.get(alert.id, 0) + QUIET_SECONDS * SECOND
        if not reading.holds or now < quiet_until:
            return None
        self._holding.add(alert.id)
        self._fired_at[alert.id] = now
        return Change(alert, fired=True, text=reading.text)


def read(alert: Alert, evidence: Evidence) -> Reading:
    """How the alert stands by this evidence."""
    return _READERS[alert.kind](alert, evidence)


def prices_through(before: Quote | None, trades: Iterable[Mapping[str, Any]]) -> list[float]:
    """The prices that a symbol's last price went through, led by what it was.

    `trades` are new ones of the symbol, with the columns of `queries`. One that is older than the
    last price, or whose conditions keep it from being one, changes nothing.
    """
    since = before.last_time if before else 0
    ordered = sorted(
        (trade for trade in trades if trade["event_us"] >= since),
        key=lambda one: (one["event_us"], one["kafka_partition"], one["kafka_offset"]),
    )
    new = [
        float(trade["price"])
        for trade in ordered
        if trade["price"] is not None and not _NO_LAST_PRICE.intersection(trade["conditions"] or ())
    ]
    first = [] if before is None or before.last is None else [before.last]
    return first + new


def _price(alert: Alert, evidence: Evidence) -> Reading:
    crossed = [
        (before, after)
        for before, after in pairwise(evidence.prices.get(alert.symbol, ()))
        if before < alert.threshold <= after or before > alert.threshold >= after
    ]
    quote = evidence.frame.quotes.get(alert.symbol)
    if crossed:
        before, after = crossed[-1]
        return Reading(True, f"{alert.symbol} went from {before:,.10g} to {after:,.10g}")
    if quote is None or quote.last is None:
        return Reading(False, "no trade yet")
    return Reading(False, f"at {quote.last:,.10g}")


def _move(alert: Alert, evidence: Evidence) -> Reading:
    bars = _window(alert, evidence)
    prices = [price for bar in bars for price in (bar.open, bar.close) if price is not None]
    if not prices or not prices[0]:
        return Reading(False, "no trade yet")
    percent = (prices[-1] / prices[0] - 1) * 100
    text = f"{percent:+.2f} % within {length(alert.window_seconds)}, at {prices[-1]:,.10g}"
    return Reading(abs(percent) >= alert.threshold, text)


def _volume(alert: Alert, evidence: Evidence) -> Reading:
    window = _window(alert, evidence)
    usual = _usual_volume(alert, evidence)
    if not window or usual is None:
        return Reading(False, "not enough history yet")
    times = sum(float(bar.volume) for bar in window) / usual
    text = f"{times:.1f} times the usual volume of {length(alert.window_seconds)}"
    return Reading(times >= alert.threshold, text)


def _gap(alert: Alert, evidence: Evidence) -> Reading:
    longest = max(evidence.gaps, key=_gap_seconds, default=None)
    if longest is not None and _gap_seconds(longest) >= alert.threshold:
        return Reading(True, _gap_words(longest))
    known = evidence.frame.gaps
    return Reading(False, f"last: {_gap_words(known[-1])}" if known else "no gap known")


def _stale(alert: Alert, evidence: Evidence) -> Reading:
    position = evidence.frame.position
    heard = None
    if position is not None:
        heard = position.received_to.get(alert.symbol) if alert.symbol else position.complete_to
    if heard is None:
        return Reading(False, "no trade yet")
    symbols = [alert.symbol] if alert.symbol else list(evidence.frame.quotes)
    if is_closed(symbols, evidence.now):
        return Reading(False, "the market is closed")
    seconds = (evidence.now - max(heard, _opened(symbols, evidence.now))) / SECOND
    return Reading(seconds >= alert.threshold, f"last trade {max(seconds, 0):.0f} s ago")


def _rejected(alert: Alert, evidence: Evidence) -> Reading:
    since = evidence.now - alert.window_seconds * SECOND
    count = sum(number for at, number in evidence.rejections if at > since)
    rate = count * _MINUTE / alert.window_seconds
    text = f"{count} within {length(alert.window_seconds)}: {rate:.3g} a minute"
    return Reading(rate >= alert.threshold, text)


_READERS: Mapping[Kind, Callable[[Alert, Evidence], Reading]] = {
    Kind.PRICE: _price,
    Kind.MOVE: _move,
    Kind.VOLUME: _volume,
    Kind.GAP: _gap,
    Kind.STALE: _stale,
    Kind.REJECTED: _rejected,
}


def _window(alert: Alert, evidence: Evidence) -> list[Bar]:
    """The symbol's one-second bars of the window that ends with its last trade."""
    quote = evidence.frame.quotes.get(alert.symbol)
    if quote is None:
        return []
    since = quote.last_time - alert.window_seconds * SECOND
    return [bar for bar in evidence.frame.bars(alert.symbol, Interval.S1) if bar.start > since]


def _usual_volume(alert: Alert, evidence: Evidence) -> float | None:
    """Of as long a time as the window, in the hour before it; None where too little is known."""
    quote = evidence.frame.quotes.get(alert.symbol)
    if quote is None:
        return None
    end = Interval.M1.start_of(quote.last_time - alert.window_seconds * SECOND)
    minutes = evidence.frame.bars(alert.symbol, Interval.M1)
    since = max(end - _USUAL_SECONDS * SECOND, minutes[0].start if minutes else end)
    seconds = (end - since) / SECOND
    if seconds < _LEAST_USUAL_SECONDS:
        return None
    volume = sum(float(bar.volume) for bar in minutes if since <= bar.start < end)
    return volume / seconds * alert.window_seconds or None


def _opened(symbols: Sequence[str], now: int) -> int:
    """When the market of the symbols opened: what came before it is no silence of theirs."""
    session = session_from(to_time(now))
    if session is None or any(is_around_the_clock(symbol) for symbol in symbols):
        return 0
    return to_microseconds(session.opens)


def _gap_seconds(gap: tuple[int, int]) -> float:
    return (gap[1] - gap[0]) / SECOND


def _gap_words(gap: tuple[int, int]) -> str:
    return f"{_gap_seconds(gap):.1f} s until {to_time(gap[1]):%Y-%m-%d %H:%M:%S} UTC"


def length(seconds: int) -> str:
    """A length of time in one unit: `30 s`, `5 min`, `1 h`."""
    minutes, rest = divmod(seconds, _MINUTE)
    if rest or not minutes:
        return f"{seconds} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{minutes} min" if minutes_left or not hours else f"{hours} h"
