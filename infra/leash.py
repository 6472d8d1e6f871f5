"""Becomes one service: `python -I -S leash.py SERVICE.json`.

Reads the command and its whole environment from a file that only its owner can read, so that no
secret shows in a process list, and asks Linux to end the service should whoever started it vanish
(`kill -9` included): nothing is ever left behind. Standard library only, since every service and
every restart passes through here.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns: the process turns into the service."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    if sys.platform == "linux":
        # The flag survives exec. Without it, a killed supervisor would leave the servers running.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.chdir(spec["folder"])
    prepare = spec["prepare"]
    if prepare and not Path(prepare["creates"]).exists():
        subprocess.run(prepare["command"], env=spec["environment"], check=True)
    os.execve(spec["command"][0], spec["command"], spec["environment"])  # noqa: S606


if __name__ == "__main__":
    main()
