"""Asking a keeper: how the streaming process is, and for acts that it alone may do."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from pydantic import SecretStr

from catalog.errors import ServiceError, kind_of

_STATUS_SECONDS = 5.0
# An act waits for its turn, and tries again when the stream's commit came first.
_ACT_SECONDS = 120.0
# What a keeper that listens everywhere is asked at.
_REACHABLE = {"0.0.0.0": "127.0.0.1"}  # noqa: S104
_NO_ANSWER = (OSError, HTTPException, ValueError)

Json = dict[str, Any]


def ask_status(host: str, port: int, token: SecretStr, seconds: float = _STATUS_SECONDS) -> Json:
    """The status that a keeper tells now. Raises ServiceError when it is silent or refuses."""
    try:
        return _parse(*_ask(host, port, token, "/status", None, seconds))
    except _NO_ANSWER as error:
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
        return _parse(*_ask(host, port, token, path, json.dumps(body).encode(), seconds))
    except TimeoutError as error:
        raise ServiceError(
            f"The streaming job has not answered {path} within {seconds:g} s; it may still do it."
            " `tapehouse status` tells how it is."
        ) from error
    except _NO_ANSWER as error:
        raise _silent(error) from error


def _ask(
    host: str, port: int, token: SecretStr, path: str, content: bytes | None, seconds: float
) -> tuple[int, bytes]:
    """The HTTP status and the content of the answer, whichever they are."""
    request = urllib.request.Request(
        f"http://{_REACHABLE.get(host, host)}:{port}{path}",
        data=content,
        headers={
            "Authorization": f"Bearer {token.get_secret_value()}",
            "Content-Type": "application/json",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:  # it holds the connection
            return refusal.code, refusal.read()


def _parse(status: int, content: bytes) -> Json:
    """The answer's body. Raises the error that it tells of, ValueError when it is none of ours."""
    body = json.loads(content)
    if not isinstance(body, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 (as for any other text)
    if status == HTTPStatus.OK:
        return body
    reason = str(body.get("error", f"HTTP {status}"))
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE}:
        raise (kind_of(body.get("exit_code")) or ServiceError)(reason)
    raise _silent(reason)


def _silent(why: object) -> ServiceError:
    return ServiceError(
        f"The streaming job does not answer ({why}): it is starting, or it failed."
        " `tapehouse status` tells which; its log says why."
    )
