"""Asks a server from inside its container whether it is healthy: `probe.py KIND ARGUMENTS`.

Runs every few seconds in every container, so it is standard library only, run with `python3 -I -S`,
and does without what costs more to import than to ask with: argparse, http.client and urllib were
nearly half of its time. Exits with 0 when the answer is good, else with 1 and one line that says
why, which the engine keeps for whoever inspects the container: no secret may stand in it.

    http URL [--bearer-file PATH] [--wants PATH.IN.ITS.JSON]    the URL answers with 2xx
    port PORT                                                   accepts a connection on loopback
    kafka PORT                                                  is a Kafka broker
    fresh FILE SECONDS                                          was touched within so many seconds
    job                                                         the job has ended well
"""

import socket
import struct
import sys
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 3.0

# Left by launch.py when a job has ended well; the second tells it that the first was seen.
JOB_DONE = Path("/tmp/tapehouse-job-done")  # noqa: S108 (the container's own)
JOB_SEEN = Path("/tmp/tapehouse-job-seen")  # noqa: S108

_API_VERSIONS = 18
_CORRELATION = 7


class UnhealthyError(Exception):
    """The server does not answer as it should; the message is the line to print."""


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    kind, *rest = arguments
    try:
        _ask(kind, rest)
    except UnhealthyError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    except (OSError, ValueError, struct.error) as error:
        # The class and the system's words only: others could quote what was sent.
        words = error.strerror if isinstance(error, OSError) and error.strerror else ""
        sys.stdout.write(f"{kind}: {type(error).__name__} {words}".rstrip() + "\n")
        return 1
    return 0


def _ask(kind: str, rest: list[str]) -> None:
    match kind, rest:
        case "http", [url, *pairs]:
            options = dict(zip(pairs[::2], pairs[1::2], strict=True))
            ask_http(url, options.get("--bearer-file", ""), options.get("--wants", ""))
        case "port", [port]:
            socket.create_connection((LOOPBACK, int(port)), PATIENCE_SECONDS).close()
        case "kafka", [port]:
            ask_kafka(int(port))
        case "fresh", [path, seconds]:
            ask_file(Path(path), float(seconds), time.time())
        case "job", []:
            ask_job()
        case _:
            raise UnhealthyError(f"{kind}: no such probe, or not with these arguments")


def ask_http(url: str, bearer_file: str, wants: str) -> None:
    """Raises UnhealthyError: another status than 2xx, or nothing true at `wants`.

    Asks in HTTP/1.0, in which an answer has no chunks and ends with the connection.
    """
    place, _, path = url.removeprefix("http://").partition("/")
    host, _, port = place.partition(":")
    lines = [f"GET /{path} HTTP/1.0", f"Host: {place}", "Accept: */*"]
    if bearer_file:
        lines.append(f"Authorization: Bearer {Path(bearer_file).read_text()}")
    if not "".join(lines).isprintable():
        raise ValueError
    with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        with connection.makefile("rb") as answer:
            version, status, *_ = answer.readline().decode().split()
            _, _, body = answer.read().partition(b"\r\n\r\n")
    if not version.startswith("HTTP/") or int(status) not in range(200, 300):
        raise UnhealthyError(f"http: answered with status {status}")
    if wants and not _at(body, wants):
        raise UnhealthyError(f"http: there is no {wants} in the answer yet")


def _at(body: bytes, path: str) -> object:
    # Most probes do without it.
    import json  # noqa: PLC0415

    found: object = json.loads(body)
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def ask_kafka(port: int) -> None:
    """Raises UnhealthyError when what answers does not speak Kafka's protocol.

    The request is ApiVersions, which a broker answers before it asks who is calling.
    """
    client = b"probe"
    request = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, len(client)) + client
    with socket.create_connection((LOOPBACK, port), PATIENCE_SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", _receive(connection, 4))
        correlation, code = struct.unpack(">ih", _receive(connection, min(size, 6)))
    if (correlation, code) != (_CORRELATION, 0):
        raise UnhealthyError(f"kafka: answered with error {code}")


def _receive(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise UnhealthyError("kafka: the connection was closed without an answer")
        data += part
    return data


def ask_file(path: Path, seconds: float, now: float) -> None:
    """Raises UnhealthyError when the file is absent or older; `now` in seconds since the epoch."""
    if not path.exists():
        raise UnhealthyError(f"fresh: {path.name} is not there")
    age = now - path.stat().st_mtime
    if age > seconds:
        raise UnhealthyError(f"fresh: {path.name} is {age:.0f} s old, {seconds:.0f} s are allowed")


def ask_job() -> None:
    """Raises UnhealthyError until the job has ended well; tells launch.py when that was seen."""
    if not JOB_DONE.exists():
        raise UnhealthyError("job: still at work")
    JOB_SEEN.touch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
