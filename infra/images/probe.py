"""Asks a server from inside its container whether it is healthy: `probe.py KIND ARGUMENTS`.

Runs every few seconds in every container, so it is standard library only and run with `python3 -I
-S`. Exits with 0 when the answer is good, else with 1 and one line that says why, which the engine
keeps for whoever inspects the container: no secret may stand in it.
"""

import argparse
import http.client
import json
import socket
import struct
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 3.0

# Left by launch.py when a job has ended well; the second tells it that the first was seen.
JOB_DONE = Path("/tmp/tapehouse-job-done")  # noqa: S108 (the container's own)
JOB_SEEN = Path("/tmp/tapehouse-job-seen")  # noqa: S108

_API_VERSIONS = 18
_CORRELATION = 7


class UnhealthyError(Exception):
    """The server does not answer as it should; the message is the line to print."""


def main() -> int:
    """Returns the exit code."""
    options = _parser().parse_args()
    try:
        _ask(options)
    except UnhealthyError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    except (OSError, ValueError, http.client.HTTPException, struct.error) as error:
        # The class and the system's words only: others could quote what was sent.
        words = error.strerror if isinstance(error, OSError) and error.strerror else ""
        sys.stdout.write(f"{options.kind}: {type(error).__name__} {words}".rstrip() + "\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="probe.py", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    http_kind = kinds.add_parser("http", help="the URL answers with 2xx")
    http_kind.add_argument("url")
    http_kind.add_argument("--bearer-file", type=Path, help="holds the token to ask with")
    http_kind.add_argument("--wants", default="", help="dotted path to something true in its JSON")
    http_kind.add_argument("--status", type=int, help="this status instead of any 2xx")
    for kind, what in (("port", "accepts a connection"), ("kafka", "is a Kafka broker")):
        kinds.add_parser(kind, help=f"the port on loopback {what}").add_argument("port", type=int)
    fresh = kinds.add_parser("fresh", help="the file was touched within so many seconds")
    fresh.add_argument("path", type=Path)
    fresh.add_argument("seconds", type=float)
    kinds.add_parser("job", help="the job has ended well")
    return parser


def _ask(options: argparse.Namespace) -> None:
    match options.kind:
        case "http":
            ask_http(options.url, options.bearer_file, options.wants, options.status)
        case "port":
            socket.create_connection((LOOPBACK, options.port), PATIENCE_SECONDS).close()
        case "kafka":
            ask_kafka(options.port)
        case "fresh":
            ask_file(options.path, options.seconds, time.time())
        case _:
            ask_job()


def ask_http(url: str, bearer_file: Path | None, wants: str, status: int | None) -> None:
    """Raises UnhealthyError: another status than wanted, or nothing true at `wants`."""
    headers = {"Authorization": f"Bearer {bearer_file.read_text()}"} if bearer_file else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (from our own description)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            found, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        found, body = error.code, error.read()
    if found != status if status else found not in range(200, 300):
        raise UnhealthyError(f"http: answered with status {found}")
    if wants and not _at(json.loads(body), wants):
        raise UnhealthyError(f"http: there is no {wants} in the answer yet")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like others: following it would ask some other server."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _at(found: Any, path: str) -> Any:
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
    sys.exit(main())
