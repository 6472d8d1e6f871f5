"""What can be told of each symbol from its trades alone: no subscription is acknowledged."""

from collections.abc import Iterable, Iterator

from catalog.trade import FeedEvent, FeedEventKind
from ingest.finnhub import TOO_MANY_SYMBOLS

_US = 1_000_000

SETTLE_SECONDS = 10.0
DETAIL_LIMIT = 1000


class SymbolWatch:
    """Turns trades, errors and the passing of time into feed events. All times in microseconds."""

    def __init__(self, symbols: tuple[str, ...], source: str, silent_after_seconds: float) -> None:
        self._symbols = symbols
        self._source = source
        self._silent_after = round(silent_after_seconds * _US)
        self._waiting: set[str] = set()
        self._last: dict[str, int] = {}
        self._silent: set[str] = set()
        self._subscribed_at = 0
        self._refusals = 0
        self._judge_at: int | None = None

    def connected(self, at: int) -> None:
        """All symbols were subscribed, anew."""
        self._waiting = set(self._symbols)
        self._subscribed_at = at
        self._refusals = 0
        self._judge_at = None

    def traded(self, symbols: Iterable[str], at: int) -> Iterator[FeedEvent]:
        """Symbols that a frame held trades of; the first since the subscribe is its success."""
        for symbol in symbols:
            self._last[symbol] = at
            self._silent.discard(symbol)
            if symbol in self._waiting:
                self._waiting.discard(symbol)
                detail = "the first trade since the subscribe"
                yield self._event(FeedEventKind.SUBSCRIBED, symbol, self._subscribed_at, at, detail)

    def refused(self, message: str, at: int) -> Iterator[FeedEvent]:
        """The vendor sent an error frame."""
        yield self._event(FeedEventKind.ERROR, None, at, at, message[:DETAIL_LIMIT])
        if message == TOO_MANY_SYMBOLS:
            self._refusals += 1
            self._judge_at = at + round(SETTLE_SECONDS * _US)

    def tick(self, now: int) -> Iterator[FeedEvent]:
        """To be called about once a second."""
        if self._judge_at is not None and now >= self._judge_at:
            self._judge_at = None
            yield from self._without_slot(now)
        for symbol in self._symbols:
            since = max(self._last.get(symbol, 0), self._subscribed_at)
            if since and symbol not in self._silent and now - since >= self._silent_after:
                self._silent.add(symbol)
                detail = f"no trade for {(now - since) / _US:.0f} s; a closed market looks the same"
                yield self._event(FeedEventKind.SILENT, symbol, since, now, detail)

    def _without_slot(self, now: int) -> Iterator[FeedEvent]:
        """The vendor names no symbol: the last ones asked for that have never traded are meant."""
        refused = self._symbols[-self._refusals :]
        detail = (
            f"probably got no slot: the vendor refused {self._refusals} of {len(self._symbols)}"
            " symbols without naming them; this one was among the last asked for and has not traded"
        )
        for symbol in refused:
            if symbol in self._waiting:
                yield self._event(FeedEventKind.ERROR, symbol, self._subscribed_at, now, detail)

    def _event(
        self, kind: FeedEventKind, symbol: str | None, since: int, until: int, detail: str
    ) -> FeedEvent:
        return FeedEvent(kind, symbol, since, until, detail, self._source)
