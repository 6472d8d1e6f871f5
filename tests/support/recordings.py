"""What a recording holds, read without any of the product's own parsing."""

import json
from pathlib import Path

import pyarrow as pa
import zstandard

DAY = "us-equities-2013-10-07.frames.jsonl.zst"
CRYPTO = "crypto-btcusdt-2021-01-08.frames.jsonl.zst"
MINUTE_VOLUMES = "us-equities-2013-10-07.minute-volume.csv"
# What the repository is too small to hold.
REAL = (DAY, CRYPTO, MINUTE_VOLUMES)

SCHEMA = pa.schema(
    [
        ("symbol", pa.string()),
        ("event_time", pa.timestamp("us", tz="UTC")),
        ("price", pa.float64()),
        ("size", pa.float64()),
        ("conditions", pa.list_(pa.int32())),
    ]
)


def read_expected(path: Path) -> pa.Table:
    """Every trade of the recording, in its order."""
    elements = [
        element
        for line in _text(path).splitlines()
        for element in json.loads(json.loads(line)["frame"]).get("data") or []
    ]
    return pa.table(
        {
            "symbol": [e["s"] for e in elements],
            "event_time": pa.array([e["t"] * 1000 for e in elements], pa.int64()).cast(
                SCHEMA.field("event_time").type
            ),
            "price": [float(e["p"]) for e in elements],
            "size": [float(e["v"]) for e in elements],
            "conditions": [
                None if e.get("c") is None else [int(code) for code in e["c"]] for e in elements
            ],
        },
        schema=SCHEMA,
    )


def _text(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(content) as stream:
            content = stream.read()
    return content.decode()
