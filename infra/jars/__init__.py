"""The servers' jars: what is wanted (`jgo.toml`), what that is exactly (`jgo.lock.toml`), fetching it."""

from pathlib import Path

SETS = ("kafka", "spark")

_HERE = Path(__file__).parent


def spec_path(name: str) -> Path:
    """Where the coordinates of a jar set are written by hand."""
    return _HERE / name / "jgo.toml"


def lock_path(name: str) -> Path:
    """Where every jar of the set stands with its SHA-256, as written by `python -m infra.jars --lock`."""
    return _HERE / name / "jgo.lock.toml"
