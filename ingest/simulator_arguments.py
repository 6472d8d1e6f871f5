"""The simulator's command line."""

import argparse
import os
from pathlib import Path

DEFAULT_RATE = 25.0

_EPILOG = """\
examples:
  python -m ingest.simulator --port 8765 --token secret        25 trades a second, for ever
  python -m ingest.simulator --rate 200 --seed 7               another market, busier
  python -m ingest.simulator --rate max                        as fast as the client takes them
  python -m ingest.simulator --recording day.frames.jsonl.zst --speed 10
  python -m ingest.simulator --fault duplicate=0.01 --fault late=0.02 --fault half_open=0.0001

Point the producer at it: TAPEHOUSE_FEED_URL=ws://127.0.0.1:8765 FINNHUB_API_TOKEN=secret
TAPEHOUSE_FEED_SOURCE=simulator python -m ingest

A recording starts when a client has subscribed to all its symbols, ends with a close, and then
the simulator ends too. What is due while no client is there is lost, except at full speed, where
it waits for one.
"""


def parser() -> argparse.ArgumentParser:
    """The options of `python -m ingest.simulator`."""
    made = argparse.ArgumentParser(
        prog="python -m ingest.simulator",
        description="A market that never shuts, or a recording, in Finnhub's protocol.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=0, help="port; 0, the default, finds a free one")
    add(
        "--token",
        default=os.environ.get("FINNHUB_API_TOKEN", ""),
        help="what clients must give; FINNHUB_API_TOKEN keeps it out of the process list",
    )
    add("--seed", type=int, default=1, help="same seed, same market (default %(default)s)")
    add("--rate", type=_or_max, default=DEFAULT_RATE, help="trades a second, or max (default 25)")
    add("--recording", type=Path, help="play this file instead of the market")
    add("--speed", type=_or_max, default=1.0, help="of the recording: 1, 10, ... or max")
    add("--symbol-limit", type=int, default=50, help="symbols a client may subscribe to")
    add("--ping-seconds", type=float, default=60.0, help="time between pings")
    add("--one-connection", action="store_true", help="a second client drops both, as a key's does")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=PROBABILITY",
        help="per frame: late, duplicate, out_of_order, malformed, half_open, close",
    )
    return made


def _or_max(text: str) -> float | None:
    """A number above zero; None for max."""
    if text == "max":
        return None
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError("must be above zero, or max")
    return number
