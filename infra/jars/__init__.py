"""The servers' jars: what is wanted (`jgo.toml`), which exactly (`jgo.lock.toml`), fetching."""

from pathlib import Path

SETS = ("kafka", "spark")

_HERE = Path(__file__).parent


def spec_path(name: str) -> Path:
    """Where the coordinates of a jar set are written by hand."""
    return _HERE / name / "jgo.toml"


def lock_path(name: str) -> Path:
    """Where each jar stands with its SHA-256; `python -m infra.jars --lock` writes it."""
    return _HERE / name / "jgo.lock.toml"
