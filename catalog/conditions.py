"""Trade conditions as versioned data, with their effect on bars.

A trade carries several codes; each of open/close, high/low and volume is updated only if **all**
its codes allow it. Source: Finnhub's list of US trade conditions and the consolidated tape's rules
for last, high/low and volume. An unknown code keeps the trade and updates all three; it is shown by
its number. Code 24 (Form T) says that a trade is of the extended session; it updates what it falls
into like any other, since bars know no sessions.

`VERSION` grows with every change of the data: bars made under two versions may differ.
"""

from dataclasses import dataclass

VERSION = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """One code, its name, and whether a trade that carries it updates each part of a bar."""

    code: int
    name: str
    open_close: bool = True
    high_low: bool = True
    volume: bool = True


_VOLUME_ONLY = frozenset({3, 5, 12, 17, 22, 25, 26, 27, 37})
_NOT_LAST = frozenset({2, 9, 15, 18, 21, 30, 32})
_REPORTS = frozenset({16, 20, 39})

_NAMES = (
    "Regular",
    "Acquisition",
    "Average price",
    "Bunched",
    "Cash sale",
    "Distribution",
    "Automatic execution",
    "Intermarket sweep",
    "Bunched sold",
    "Price variation",
    "Cap election",
    "Odd lot",
    "Rule 127",
    "Rule 155",
    "Sold last",
    "Official close",
    "Next day",
    "Market center open",
    "Opening prints",
    "Official open",
    "Prior reference price",
    "Seller",
    "Split",
    "Form T (extended hours)",
    "Extended hours out of sequence",
    "Contingent",
    "Stock option",
    "Cross",
    "Yellow flag",
    "Sold out of sequence",
    "Stopped",
    "Derivatively priced",
    "Re-opening trade",
    "Re-opening prints",
    "Closing trade",
    "Closing prints",
    "Qualified contingent",
    "Rule 611 exempt",
    "Corrected close",
    "Opened",
    "Trade-through exempt",
)


def _condition(code: int, name: str) -> Condition:
    return Condition(
        code,
        name,
        open_close=code not in _VOLUME_ONLY | _NOT_LAST | _REPORTS,
        high_low=code not in _VOLUME_ONLY | _REPORTS,
        volume=code not in _REPORTS,
    )


CONDITIONS: dict[int, Condition] = {
    code: _condition(code, name) for code, name in enumerate(_NAMES, start=1)
}

NOT_OPEN_CLOSE = tuple(code for code, c in CONDITIONS.items() if not c.open_close)
NOT_HIGH_LOW = tuple(code for code, c in CONDITIONS.items() if not c.high_low)
NOT_VOLUME = tuple(code for code, c in CONDITIONS.items() if not c.volume)
