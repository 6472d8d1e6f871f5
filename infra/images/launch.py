"""Becomes one service inside its container: `launch.py COMMAND...`, the images' entrypoint.

Secrets come as files on a docker volume, since a container's environment is plain text for all who
may inspect it: each file in `secrets/` becomes the variable of its name, for the command alone. A
preparation (`prepare.json`) runs first unless the file that it creates is there. With TAPEHOUSE_JOB
set, the command is run to its end and success stays visible to the healthcheck for a while: whoever
waits for this container polls its health, and an exited container has none. Standard library only.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

DELIVERED = Path(os.environ.get("TAPEHOUSE_DELIVERED", "/run/tapehouse"))

JOB_DONE = Path("/tmp/tapehouse-job-done")  # noqa: S108 (the container's own)
JOB_SEEN = Path("/tmp/tapehouse-job-seen")  # noqa: S108
_UNSEEN_SECONDS = 30.0
# The waiting side polls each second.
_LINGER_SECONDS = 4.0
_POLL_SECONDS = 0.1

_CANNOT_RUN = 126
_NOT_FOUND = 127


def main() -> int:
    """The exit code of a job or of what went wrong; a service never comes back here."""
    command = sys.argv[1:]
    if not command:
        _say("a command is needed: launch.py COMMAND...")
        return 2
    try:
        environment = {**os.environ, **read_secrets(DELIVERED / "secrets")}
        code = prepare(DELIVERED / "prepare.json", environment)
        if code:
            _say(f"the preparation ended with code {code}: the service was not started")
            return code
        if os.environ.get("TAPEHOUSE_JOB"):
            return run_job(command, environment)
        os.execvpe(command[0], command, environment)  # noqa: S606
    except FileNotFoundError as error:
        _say(f"{os.fsdecode(error.filename)} is not there")
        return _NOT_FOUND
    except OSError as error:
        _say(f"{os.fsdecode(error.filename or '')}: {error.strerror}")
        return _CANNOT_RUN


def read_secrets(folder: Path) -> dict[str, str]:
    """The variables that were delivered as files; none when there is no such folder."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.is_file()}


def prepare(spec: Path, environment: Mapping[str, str]) -> int:
    """Run the preparation if there is one to be done; returns its exit code, 0 for none."""
    if not spec.is_file():
        return 0
    wanted = json.loads(spec.read_text())
    if Path(wanted["creates"]).exists():
        return 0
    return _shell_code(subprocess.run(wanted["command"], env=environment, check=False).returncode)


def run_job(command: list[str], environment: Mapping[str, str]) -> int:
    """Run the command to its end; a stop asked of us is passed on to it. Returns its exit code."""
    for leftover in (JOB_DONE, JOB_SEEN):
        leftover.unlink(missing_ok=True)
    process = subprocess.Popen(command, env=environment)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    code = _shell_code(process.wait())
    if code == 0:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _stay_visible()
    return code


def _stay_visible() -> None:
    JOB_DONE.touch()
    deadline = time.monotonic() + _UNSEEN_SECONDS
    while not JOB_SEEN.exists():
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_SECONDS)
    time.sleep(_LINGER_SECONDS)


def _shell_code(returncode: int) -> int:
    """As a shell reports it: a process that a signal ended has 128 and the signal's number."""
    return 128 - returncode if returncode < 0 else returncode


def _say(text: str) -> None:
    sys.stderr.write(f"launch: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
