"""What every job is run by: its errors told in one line, its exit code theirs."""

import sys
from collections.abc import Callable

from catalog.errors import TapehouseError
from catalog.logs import configure_logging, get_logger


def run_job(name: str, job: Callable[[], str]) -> int:
    """Do the job and log what it says it did; returns the exit code."""
    configure_logging()
    try:
        get_logger(name).info("done", what=job())
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0
