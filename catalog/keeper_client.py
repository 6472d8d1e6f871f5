"""Asking a keeper: how the streaming process is, and for acts that it alone may do."""

import json
from typing import Any

from pydantic import SecretStr

from catalog import endpoint_client
from catalog.endpoint_client import NO_ANSWER
from catalog.errors import ServiceError

_STATUS_SECONDS = 5.0
# An act waits for its turn, and tries again when the stream's commit came first.
_ACT_SECONDS = 120.0
# What a keeper that listens everywhere is asked at.
_REACHABLE = {"0.0.0.0": "127.0.0.1"}  # noqa: S104

Json = dict[str, Any]


def ask_status(host: str, port: int, token: SecretStr, seconds: float = _STATUS_SECONDS) -> Json:
    """The status that a keeper tells now. Raises ServiceError when it is silent or refuses."""
    try:
        return _ask(host, port, token, "/status", None, seconds)
    except NO_ANSWER as error:
        raise _silent(error) from error


def ask_act(
    host: str,
    port: int,
    token: SecretStr,
    path: str,
    body: Json,
    seconds: float = _ACT_SECONDS,
) -> Json:
    """Have an act done, such as `/tag`; returns what came of it, once it is done.

    Raises what the act itself raised, and ServiceError when the keeper is silent or refuses.
    """
    try:
        return _ask(host, port, token, path, json.dumps(body).encode(), seconds)
    except TimeoutError as error:
        raise ServiceError(
            f"The streaming job has not answered {path} within {seconds:g} s; it may still do it."
            " `tapehouse status` tells how it is."
        ) from error
    except NO_ANSWER as error:
        raise _silent(error) from error


def _ask(
    host: str, port: int, token: SecretStr, path: str, content: bytes | None, seconds: float
) -> Json:
    url = f"http://{_REACHABLE.get(host, host)}:{port}{path}"
    body = json.loads(endpoint_client.ask(url, token, content, seconds))
    if not isinstance(body, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 (as for any other text)
    return body


def _silent(why: object) -> ServiceError:
    return ServiceError(
        f"The streaming job does not answer ({why}): it is starting, or it failed."
        " `tapehouse status` tells which; its log says why."
    )
