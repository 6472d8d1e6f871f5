"""Asking an endpoint of another process of ours (`catalog.endpoint`)."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException

from pydantic import SecretStr

from catalog.errors import ServiceError, kind_of

NO_ANSWER = (OSError, HTTPException, ValueError)
"""What is raised where nobody answers, or nobody of ours; a TimeoutError is among them."""


def ask(url: str, token: SecretStr, content: bytes | None, seconds: float) -> bytes:
    """The body of the answer to a GET, or to a POST of `content`.

    Raises the error that the endpoint tells of, of the same kind as there; else one of NO_ANSWER.
    """
    request = urllib.request.Request(  # noqa: S310 (an address of ours)
        url,
        data=content,
        headers={
            "Authorization": f"Bearer {token.get_secret_value()}",
            "Content-Type": "application/json",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as refusal:
        with refusal:  # it holds the connection
            raise _told(refusal.code, refusal.read()) from None


def _told(status: int, content: bytes) -> Exception:
    try:
        body = json.loads(content)
        reason = str(body["error"])
    except (ValueError, KeyError, TypeError):
        return ValueError(f"HTTP {status}")
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE}:
        return (kind_of(body.get("exit_code")) or ServiceError)(reason)
    return ValueError(reason)
