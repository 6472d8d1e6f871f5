"""`python -m infra.jobs.tables`: makes the namespace and the tables that are absent."""

import sys

from catalog.client import connect, translated
from catalog.settings import LakeSettings
from catalog.tables import ensure_tables
from infra.jobs.running import run_job


def main() -> int:
    """Returns the exit code."""
    return run_job("infra.jobs.tables", _ensure)


def _ensure() -> str:
    lake = LakeSettings.read()
    catalog = connect(lake)
    with translated(lake):
        made = ensure_tables(catalog)
    return f"tables made: {', '.join(made) or 'none, all were there'}"


if __name__ == "__main__":
    sys.exit(main())
