"""A `docker` command for tests without an engine: it shows containers that a file describes.

`exec` runs the command here, without the launcher and with our own Python, so that what goes
through the pipes is real.
"""

import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SCRIPT = """\
#!{python}
import json, os, subprocess, sys
arguments = sys.argv[1:]
found = json.load(open({state!r}))
if arguments[0] == "version":
    print("20.10.24")
elif arguments[0] == "info":
    print(8 * 1024**3)
elif arguments[0] == "ps":
    wanted = [a.removeprefix("--filter=label=").split("=") for a in arguments if "label=" in a]
    for one in found:
        labels = one["Config"]["Labels"]
        if all(labels.get(name) == value for name, value in wanted):
            print(one["Id"])
elif arguments[0] == "inspect":
    print(json.dumps([one for one in found if one["Id"] in arguments]))
elif arguments[0] == "logs":
    print("first line\\nlast words")
elif arguments[0] == "exec":
    command = arguments[arguments.index("--interactive") + 2:]
    if "/opt/venv/bin/python" in command:
        command = [sys.executable, *command[command.index("/opt/venv/bin/python") + 1:]]
    os.execvp(command[0], command)
"""


def container(service: str, stack: str = "dev", **changes: Any) -> dict[str, Any]:
    """As `docker inspect` shows it: up and healthy, unless `changes` say otherwise."""
    return {
        "Id": f"id-of-{service}",
        "Name": f"/tapehouse-{stack}-{service}",
        "Created": "2026-01-02T00:00:00Z",
        "RestartCount": changes.get("restarts", 0),
        "Config": {
            "Labels": {
                "dev.tapehouse.project": "tapehouse",
                "dev.tapehouse.stack": stack,
                "dev.tapehouse.service": service,
            }
        },
        "State": {
            "Status": changes.get("state", "running"),
            "Running": changes.get("state", "running") == "running",
            "ExitCode": changes.get("exit_code", 0),
            "StartedAt": "2026-01-02T15:04:05.678Z",
            "Health": {"Status": changes.get("health", "healthy")},
        },
        "HostConfig": {
            "RestartPolicy": {"Name": "no" if changes.get("job") else "unless-stopped"},
            "Memory": changes.get("memory", 512 * 1024**2),
        },
        "NetworkSettings": {"Ports": changes.get("ports", {})},
    }


def install(folder: Path, containers: list[dict[str, Any]]) -> Mapping[str, str]:
    """Put it first on the PATH of the returned environment."""
    state, command = folder / "containers.json", folder / "bin" / "docker"
    command.parent.mkdir(exist_ok=True)
    state.write_text(json.dumps(containers))
    command.write_text(_SCRIPT.format(python=sys.executable, state=str(state)))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{command.parent}:{os.environ['PATH']}"}
