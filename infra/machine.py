"""What this machine has to offer: disk and memory, against what the product needs."""

import shutil
from pathlib import Path

from catalog.errors import ServiceError
from infra.output import human_bytes

# Kafka's and the store's first files, with air for a day of a demo.
NEEDED_DISK_BYTES = 1_000_000_000


def free_disk_bytes(path: Path) -> int:
    """Room on the disk of `path`, or of its nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def check_room(path: Path, needed_bytes: int = NEEDED_DISK_BYTES) -> None:
    """Raise ServiceError when a start would soon fill the disk."""
    free = free_disk_bytes(path)
    if free < needed_bytes:
        raise ServiceError(
            f"The disk of {path} has {human_bytes(free)} free, and {human_bytes(needed_bytes)} are"
            " needed to start: nothing was started. Free some space, or choose another home with"
            " --home."
        )
