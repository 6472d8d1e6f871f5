"""Commands that ask a container from the inside whether it is healthy.

What they run is infra/images/probe.py: standard library only, since it runs every few seconds in
every container. Each exits with 0 when the answer is good, and with 1 and one line on the standard
output when not. A secret never stands in them: they name the file that holds it.
"""

from pathlib import Path

PROBE = ("python3", "-I", "-S", "/opt/tapehouse/probe.py")


def http_probe(url: str, bearer_file: Path | None = None, wants: str = "") -> tuple[str, ...]:
    """The URL answers with 2xx.

    Asked with the token that the file holds, when given; and with something true at the dotted path
    `wants` of its JSON, when given.
    """
    bearer = ("--bearer-file", str(bearer_file)) if bearer_file else ()
    return (*PROBE, "http", url, *bearer, *(("--wants", wants) if wants else ()))


def port_probe(port: int) -> tuple[str, ...]:
    """Something accepts a connection on the port of the loopback address."""
    return (*PROBE, "port", str(port))


def kafka_probe(port: int) -> tuple[str, ...]:
    """A broker answers ApiVersions there, which Kafka does before it asks who is calling."""
    return (*PROBE, "kafka", str(port))


def fresh_probe(path: Path, seconds: int) -> tuple[str, ...]:
    """The file is there and was touched within so many seconds."""
    return (*PROBE, "fresh", str(path), str(seconds))
