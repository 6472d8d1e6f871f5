"""Free ports on loopback, found once and remembered, so that a home keeps its addresses."""

import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from catalog.errors import ServiceError
from infra.files import write_private

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes the ports of outgoing connections: one of those could sit
# on a remembered port just when its service wants it back.
_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def ensure_ports(
    path: Path, names: Iterable[str], dice: random.Random | None = None
) -> dict[str, int]:
    """A free port for each name: the one it had, unless another program took it meanwhile."""
    dice = dice or random.Random()  # noqa: S311
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    ports: dict[str, int] = {}
    for name in names:
        port = known.get(name, 0)
        if not port or port in ports.values() or not is_free(port):
            port = _find({*known.values(), *ports.values()}, dice)
        ports[name] = port
    if ports != known:
        write_private(path, json.dumps(ports, indent=1))
    return ports


def any_free_port() -> int:
    """A free port that nobody remembers."""
    return _find(set(), random.SystemRandom())


def check_free(port: int, option: str) -> None:
    """Raise ServiceError, naming the option that chooses another, when the port is taken."""
    if not is_free(port):
        raise ServiceError(
            f"Port {port} on {LOOPBACK} is taken by another program, so the dashboard cannot be"
            f" served there. Stop that program, or choose another port with {option}."
        )


def _find(taken: set[int], dice: random.Random) -> int:
    for _ in range(1000):
        port = dice.choice(_RANGE)
        if port not in taken and is_free(port):
            return port
    raise ServiceError(
        f"No free port was found on {LOOPBACK} between {_RANGE.start} and {_RANGE.stop}. Something"
        " holds very many; `tapehouse doctor` tells more."
    )
