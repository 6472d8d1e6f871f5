"""SeaweedFS: what its users may do in the catalog, which only a table bucket's policy can say."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import stamina

from catalog.errors import LakeError
from infra.jobs.signing import sign
from infra.jobs.store_users import CONSOLE, READER, ROOT, WRITER

_SERVICE = "s3tables"
_PATIENCE_SECONDS = 10.0
_MAKING_SECONDS = 20.0

_LOOK = ("GetTableBucket", "GetNamespace", "ListNamespaces", "GetTable", "ListTables")
_ACTIONS = {
    READER: _LOOK,
    CONSOLE: _LOOK,
    WRITER: (
        *_LOOK,
        *("CreateNamespace", "CreateTable", "UpdateTable", "DeleteTable"),
        *("UpdateTableMetadataLocation", "GetTableMetadataLocation"),
    ),
}


def policy(arn: str, principals: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Who may do what with the table bucket and all in it."""
    principals = principals or {}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": principals.get(user, user),
                "Action": [f"s3tables:{action}" for action in actions],
                "Resource": [arn, f"{arn}/*"],
            }
            for user, actions in _ACTIONS.items()
        ],
    }


def grant(endpoint: str, bucket: str, root_key: str) -> str:
    """Set the policy of the table bucket, which the store makes itself. Raises LakeError."""
    arn = _find_bucket(endpoint, bucket, root_key)
    path = f"/buckets/{urllib.parse.quote(arn, safe='')}/policy"
    _ask(endpoint, "PUT", path, {"resourcePolicy": json.dumps(policy(arn))}, root_key)
    return f"table bucket {bucket}: rights granted to {', '.join(sorted(_ACTIONS))}"


class _AbsentError(LakeError):
    """The store is there, and its table bucket is not: yet, right after its first start."""


@stamina.retry(on=_AbsentError, attempts=None, timeout=_MAKING_SECONDS, wait_max=1.0)
def _find_bucket(endpoint: str, bucket: str, root_key: str) -> str:
    buckets = _ask(endpoint, "GET", "/buckets", None, root_key).get("tableBuckets") or ()
    arn: str | None = next((one["arn"] for one in buckets if one["name"] == bucket), None)
    if arn is None:
        raise _AbsentError(
            f"The store at {endpoint} has no table bucket {bucket}: it makes it at its first start,"
            " which has not come so far. Its log says why."
        )
    return arn


def _ask(
    endpoint: str, method: str, path: str, body: Mapping[str, Any] | None, root_key: str
) -> dict[str, Any]:
    data = json.dumps(body).encode() if body is not None else b""
    headers = sign(method, f"{endpoint}{path}", data, _SERVICE, ROOT, root_key, datetime.now(UTC))
    request = urllib.request.Request(  # noqa: S310 (the store's own address)
        f"{endpoint}{path}",
        data or None,
        {**headers, "Content-Type": "application/json"},
        method=method,
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_PATIENCE_SECONDS) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        words = error.read(400).decode(errors="replace")
        raise LakeError(
            f"The store at {endpoint} refused {method} {path} with {error.code}: {words}. Is its"
            " root user the one of this stack?"
        ) from error
    except OSError as error:
        raise LakeError(f"The store at {endpoint} does not answer ({error}).") from error
    answered: dict[str, Any] = json.loads(text) if text.strip() else {}
    return answered
