"""The made-up recording: half a minute around a session's open, out of the simulator's market.

`python -m tests.ingest.made_up` writes tests/data/made-up.frames.jsonl and its counts anew.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from catalog.settings import DEFAULT_SYMBOLS
from ingest.finnhub import parse_frame, ping_frame, trade_frame
from ingest.frame import Frame
from ingest.market import OPEN_SECOND, Market
from ingest.programs import SLOT_MS
from ingest.recording import open_writer

FOLDER = Path(__file__).parent.parent / "data"
RECORDING = FOLDER / "made-up.frames.jsonl"
COUNTS = FOLDER / "made-up.counts.json"

_BEGIN = 1_760_313_600 + OPEN_SECOND - 10  # Monday, 2025-10-13
_SECONDS = 30
_DELAY_US = 37_000


def frames() -> Iterator[Frame]:
    """Each 50 ms with trades as one frame, and a ping every ten seconds."""
    market = Market(20251013, DEFAULT_SYMBOLS, 40.0)
    for second in range(_BEGIN, _BEGIN + _SECONDS):
        trades = market.trades(second)
        for slot_ms in range(second * 1000, (second + 1) * 1000, SLOT_MS):
            some = [trade for trade in trades if trade.time_ms // SLOT_MS == slot_ms // SLOT_MS]
            if some:
                yield Frame(trade_frame(some), (slot_ms + SLOT_MS) * 1000 + _DELAY_US)
        if second % 10 == 9:
            yield Frame(ping_frame(), (second + 1) * 1_000_000 + _DELAY_US)


def counts() -> dict[str, object]:
    """What a whole replay of it must store."""
    parsed = [parse_frame(frame.raw, frame.received_at, "made-up") for frame in frames()]
    trades = [trade for each in parsed for trade in each.trades]
    symbols = sorted({trade.symbol for trade in trades})
    return {
        "frames": len(parsed),
        "pings": sum(each.ping for each in parsed),
        "trades": len(trades),
        "price_updates": sum(len(each.price_updates) for each in parsed),
        "rejected": sum(len(each.rejections) for each in parsed),
        "trades_by_symbol": {s: sum(t.symbol == s for t in trades) for s in symbols},
    }


if __name__ == "__main__":
    with open_writer(RECORDING) as writer:
        for frame in frames():
            writer.write(frame)
    COUNTS.write_text(json.dumps(counts(), indent=2) + "\n", encoding="utf-8")
