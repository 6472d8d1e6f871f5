"""The recording in the repository is what the simulator's market makes, and its counts are true."""

import json

from ingest.programs import Contents
from ingest.recording import read_recording
from tests.ingest.made_up import COUNTS, RECORDING, counts, frames


def test_the_file_is_what_the_market_makes():
    assert [(f.raw, f.received_at) for f in read_recording(RECORDING)] == [
        (frame.raw, frame.received_at) for frame in frames()
    ]


def test_the_counts_beside_it_are_true():
    told = json.loads(COUNTS.read_text(encoding="utf-8"))
    assert told == counts()
    contents = Contents.of(RECORDING)
    assert sum(contents.trades) == told["trades"]
    assert len(contents.trades) == told["frames"]
    assert sorted(contents.symbols) == list(told["trades_by_symbol"])


def test_it_holds_odd_lots_extended_hours_an_auction_and_a_report():
    codes = {
        code
        for frame in read_recording(RECORDING)
        for element in json.loads(frame.raw).get("data", [])
        for code in element["c"] or [None]
    }
    assert {None, "1", "8", "12", "19", "20", "24"} <= codes
