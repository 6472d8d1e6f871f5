"""AWS Signature Version 4, for the one call that the S3 clients have no name for."""

import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote, unquote, urlsplit

REGION = "us-east-1"


def sign(
    method: str,
    url: str,
    body: bytes,
    service: str,
    access_key: str,
    secret_key: str,
    now: datetime,
) -> dict[str, str]:
    """The headers that a request without a query must carry; `now` in UTC."""
    address = urlsplit(url)
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {
        "host": address.netloc,
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": moment,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    # As S3 itself has it, and SeaweedFS for all it serves: a slash stays one, even in a name.
    path = quote(unquote(address.path), safe="/-_.~")
    asked = "\n".join((method, path, "", lines, names, headers["x-amz-content-sha256"]))
    scope = f"{day}/{REGION}/{service}/aws4_request"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for part in (day, REGION, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return {
        "x-amz-content-sha256": headers["x-amz-content-sha256"],
        "x-amz-date": moment,
        "Authorization": (
            f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names},"
            f" Signature={signature}"
        ),
    }
