"""Readiness: what it means, service by service, that it can be used now."""

import http.client
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_PATIENCE_SECONDS = 1.0


class Check(Protocol):
    """Answers at once, True or False; never raises on a service that is merely not there yet."""

    def passes(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Running:
    """There is nothing to ask: it is ready when its process runs, a job when it ended well."""

    def passes(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class PortCheck:
    """Something listens on the address."""

    address: str

    def passes(self) -> bool:
        host, port = self.address.rsplit(":", 1)
        try:
            with socket.create_connection((host, int(port)), _PATIENCE_SECONDS):
                return True
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """The URL answers with success: to a GET, or to a POST of `form`.

    `wants` is a path into its JSON at which there must be something.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    wants: tuple[str, ...] = ()

    def passes(self) -> bool:
        body = urllib.parse.urlencode(self.form).encode() if self.form else None
        request = urllib.request.Request(self.url, body, dict(self.headers))  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_PATIENCE_SECONDS) as answer:
                found: Any = json.load(answer) if self.wants else True
        except (OSError, ValueError, http.client.HTTPException):
            return False
        for key in self.wants:
            found = found.get(key)
        return bool(found)


@dataclass(frozen=True, slots=True)
class BrokerCheck:
    """Kafka answers a request for its metadata."""

    address: str

    def passes(self) -> bool:
        if not PortCheck(self.address).passes():
            return False
        client = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        try:
            return bool(client.list_topics(timeout=_PATIENCE_SECONDS).brokers)
        except KafkaException:
            return False
