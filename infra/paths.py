"""Where things are: the repository, what setup fetched, and what a home holds."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
JARS = ROOT / ".jars"
UV_LOCK = ROOT / "uv.lock"


def executable(name: str) -> Path:
    """A command of the environment we run in, whether or not that is activated."""
    return Path(sys.executable).parent / name
