"""A made-up market: believable trades as a pure function of seed, symbols, rate and second.

Prices are correlated geometric walks. Trades come in bursts and quiet spells, more at the open and
the close. The session is 14:30 to 21:00 UTC on weekdays, but this market never shuts: outside the
session stocks trade more thinly and carry Form T (24). Asking for the same second again, in another
process or after a restart, gives the same trades.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from ingest.finnhub import WireTrade
from ingest.walks import draw, walk

OPEN_SECOND = 14 * 3600 + 30 * 60
CLOSE_SECOND = 21 * 3600

_DAY = 86_400
_MARKET_SHARE = 0.6
_LIKE_A_BURST = 1.7  # a standard normal draw is above this in about 4 % of cells
_LIKE_A_LULL = -1.5

_KNOWN = {
    "BINANCE:BTCUSDT": (96_000.0, 4.0),
    "BINANCE:ETHUSDT": (3_300.0, 3.0),
    "BINANCE:SOLUSDT": (190.0, 2.0),
    "AAPL": (235.0, 2.0),
    "TSLA": (340.0, 2.5),
    "MSFT": (430.0, 1.2),
    "NVDA": (140.0, 3.0),
}


@dataclass(frozen=True, slots=True)
class _Listing:
    """What is fixed about a symbol."""

    symbol: str
    is_stock: bool
    price: float
    tick: float
    weight: float
    volatility: float  # of the logarithm, for one second

    @property
    def usual_value(self) -> float:
        """What one trade is worth, in dollars, at the middle of their spread."""
        return 4_000.0 if self.is_stock else 1_500.0


class Market:
    """The trades of some symbols; `rate` is trades a second, all symbols together, on average."""

    def __init__(self, seed: int, symbols: tuple[str, ...], rate: float) -> None:
        self._seed = seed
        self._rate = rate
        self._listings = [_listing(symbol) for symbol in symbols]
        self._weight = sum(listing.weight for listing in self._listings) or 1.0

    def trades(self, second: int) -> list[WireTrade]:
        """The trades of one second (since the epoch, UTC), in order of their time."""
        trades = [trade for each in self._listings for trade in self._trades_of(each, second)]
        trades.sort(key=lambda trade: trade.time_ms)
        return trades

    def _trades_of(self, listing: _Listing, second: int) -> list[WireTrade]:
        random = Random(f"{self._seed}/{listing.symbol}/{self._rate}/{second}")  # noqa: S311
        mean = self._rate * listing.weight / self._weight * self._activity(listing, second)
        count = _poisson(random, mean)
        special = _auction(listing, second)
        if not count and not special:
            return []
        first, last = self._price(listing, second), self._price(listing, second + 1)
        moments = sorted(random.random() for _ in range(count))
        in_session = _in_session(listing, second)
        trades = []
        for moment in moments:
            price = first + (last - first) * moment + random.choice(_BOUNCES) * listing.tick
            price = round(max(price, listing.tick), 2)
            size = _size(random, listing, price)
            codes = _conditions(random, listing, size, in_session)
            time_ms = second * 1000 + int(moment * 1000)
            trades.append(WireTrade(listing.symbol, price, time_ms, size, codes))
        for codes, lots in special:
            price = round(max(first, listing.tick), 2)
            trades.append(WireTrade(listing.symbol, price, second * 1000, lots, codes))
        return trades

    def _price(self, listing: _Listing, second: int) -> float:
        together = walk(f"{self._seed}/market", second)
        alone = walk(f"{self._seed}/{listing.symbol}", second)
        drift = _MARKET_SHARE * together + math.sqrt(1 - _MARKET_SHARE**2) * alone
        return listing.price * math.exp(listing.volatility * drift)

    def _activity(self, listing: _Listing, second: int) -> float:
        """How busy this second is, about 1 on average."""
        name = f"{self._seed}/{listing.symbol}/activity"
        level = 0.85
        if draw(name, 4, second >> 4) > _LIKE_A_BURST:
            level *= 6.0
        if draw(name, 5, second >> 5) < _LIKE_A_LULL:
            level *= 0.05
        return level * (_session_activity(second) if listing.is_stock else 1.0)


_BOUNCES = (-1, -1, 0, 0, 0, 1, 1)


@lru_cache(4096)
def _listing(symbol: str) -> _Listing:
    is_stock = ":" not in symbol
    random = Random(f"listing/{symbol}")  # noqa: S311
    price, weight = _KNOWN.get(symbol, (round(random.uniform(12, 400), 2), 1.0))
    volatility = random.uniform(0.8e-4, 1.6e-4)
    return _Listing(symbol, is_stock, price, 0.01, weight, volatility)


def _session_activity(second: int) -> float:
    """A valley between open and close, a thin market outside."""
    if not _is_session_time(second):
        return 0.8
    along = (second % _DAY - OPEN_SECOND) / (CLOSE_SECOND - OPEN_SECOND)
    return 0.7 + 1.8 * (2 * along - 1) ** 4


def _is_session_time(second: int) -> bool:
    is_weekday = (second // _DAY + 3) % 7 < 5  # noqa: PLR2004 - the epoch was a Thursday
    return is_weekday and OPEN_SECOND <= second % _DAY < CLOSE_SECOND


def _in_session(listing: _Listing, second: int) -> bool:
    return not listing.is_stock or _is_session_time(second)


def _auction(listing: _Listing, second: int) -> list[tuple[tuple[str, ...], float]]:
    """Opening and closing prints, and the reports of the official prices, which trade nothing."""
    if not listing.is_stock:
        return []
    if second % _DAY == OPEN_SECOND and _is_session_time(second):
        return [(("19",), 25_000.0), (("20",), 25_000.0)]
    if second % _DAY == CLOSE_SECOND and _is_session_time(second - 1):
        return [(("36",), 60_000.0), (("16",), 60_000.0)]
    return []


def _size(random: Random, listing: _Listing, price: float) -> float:
    value = listing.usual_value * math.exp(random.gauss(0.0, 1.2))
    if not listing.is_stock:
        return max(round(value / price, 6), 0.000001)
    shares = value / price
    if random.random() < 0.35:  # noqa: PLR2004 - odd lots are about a third of US trades
        return float(max(1, int(shares) % 100))
    return float(max(100, round(shares / 100) * 100))


def _conditions(
    random: Random, listing: _Listing, size: float, in_session: bool
) -> tuple[str, ...] | None:
    if not listing.is_stock:
        return None
    codes = []
    if random.random() < 0.2:  # noqa: PLR2004 - about a fifth are intermarket sweeps
        codes.append("8")
    if size < 100:  # noqa: PLR2004 - a round lot
        codes.append("12")
    if not in_session:
        codes.append("24")
    return tuple(codes or ["1"])


def _poisson(random: Random, mean: float) -> int:
    if mean > 50:  # noqa: PLR2004 - from here on the normal law is close enough
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
