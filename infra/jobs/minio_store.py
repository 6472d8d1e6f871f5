"""A MinIO-compatible store: its bucket, its users, and what each may do."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioException

from catalog.errors import LakeError
from infra.jobs.store_users import CATALOG, CONSOLE, READER, ROOT, WRITER

_READ = ("s3:GetObject",)
_WRITE = (
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)
_LOOK = ("s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads")


def policies(bucket: str) -> dict[str, dict[str, Any]]:
    """What each user may do, in the store's own policy language; everything else is refused."""
    files, metadata = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}/*/metadata/*"
    look = _allow(_LOOK, f"arn:aws:s3:::{bucket}")
    return {
        # The catalog writes the tables' metadata; data files are the writer's.
        CATALOG: _policy(look, _allow(_READ, files), _allow(_WRITE, metadata)),
        WRITER: _policy(look, _allow(_READ + _WRITE, files)),
        READER: _policy(look, _allow(_READ, files)),
        CONSOLE: _policy(look, _allow(_READ, files)),
    }


def set_up(endpoint: str, bucket: str, root_key: str, keys: Mapping[str, str]) -> str:
    """Make what is absent, and set keys and policies as they should be; returns what was done.

    Raises LakeError.
    """
    address = urlsplit(endpoint)
    secure = address.scheme == "https"
    http = urllib3.PoolManager(retries=urllib3.Retry(5, backoff_factor=0.5), timeout=10)
    client = Minio(address.netloc, ROOT, root_key, secure=secure, http_client=http)
    root = StaticProvider(ROOT, root_key)
    admin = MinioAdmin(endpoint=address.netloc, credentials=root, secure=secure, http_client=http)
    try:
        made = not client.bucket_exists(bucket)
        if made:
            client.make_bucket(bucket)
        for user, policy in policies(bucket).items():
            admin.policy_add(user, policy=policy)
            admin.user_add(user, keys[user])
            admin.policy_set(user, user=user)
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise LakeError(
            f"The store at {endpoint} could not be set up ({type(error).__name__}: {error}). Is it"
            " running, and is its root user the one of this stack?"
        ) from error
    return f"bucket {bucket} {'made' if made else 'was there'}; users: {', '.join(sorted(keys))}"


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(actions: tuple[str, ...], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": [resource]}
