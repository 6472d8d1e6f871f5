"""The malformed frames of malformed.jsonl, each with the reason it is rejected for.

A line gives its frame as `text`, as `base64`, or as `parts`: texts with how often each is repeated.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Malformed:
    """One frame; `reason` is a part of what its rejections say."""

    name: str
    raw: bytes
    reason: str
    trades: int
    price_updates: int
    rejections: int


def _read(fields: dict[str, Any]) -> Malformed:
    if "base64" in fields:
        raw = base64.b64decode(fields["base64"])
    elif "parts" in fields:
        raw = "".join(text * times for text, times in fields["parts"]).encode()
    else:
        raw = fields["text"].encode()
    return Malformed(
        fields["name"],
        raw,
        fields["reason"],
        fields["trades"],
        fields["price_updates"],
        fields["rejected"],
    )


_LINES = Path(__file__).with_name("malformed.jsonl").read_text(encoding="utf-8").splitlines()

MALFORMED = [_read(json.loads(line)) for line in _LINES]
