"""One described service as a child process, as a runner would start it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.service import Service
from tests.support.instance import wait_until

_READY_SECONDS = 60


@contextmanager
def running(service: Service, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Write its files, run its preparation, start it, wait until it is ready; the end stops it.

    Its output goes to `<name>.log` in the folder.
    """
    for path in (*service.folders, *(file.path.parent for file in service.files)):
        path.mkdir(parents=True, exist_ok=True)
    for file in service.files:
        file.path.write_text(file.text)
    environment = {**os.environ, **service.environment, **service.secrets}
    with (folder / f"{service.name}.log").open("ab") as log:
        if service.preparation and not service.preparation.creates.exists():
            subprocess.run(service.preparation.command, check=True, stdout=log, stderr=log)
        process = subprocess.Popen(service.command, env=environment, stdout=log, stderr=log)
    try:
        wait_until(service.health.passes, _READY_SECONDS, f"{service.name} to be ready")
        yield process
    finally:
        process.terminate()
        process.wait(30)
