"""What a new database runs to stand before the lake: attached read-only, then locked down."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from catalog.errors import LakeError, SettingsError
from catalog.settings import LakeSettings
from serving.queries import ATTACHED

_EXTENSIONS = ("httpfs", "avro", "iceberg")


def opening(settings: LakeSettings) -> Iterator[str]:
    """The statements, in the one order that works: lock down after attaching.

    They hold the secrets: never log them.
    """
    for name in _EXTENSIONS:
        yield f"LOAD {_quoted(_extension(name))}"
    yield _create_secret("store", _store_secret(settings))
    access = _catalog_secret(settings)
    if access:
        yield _create_secret("rest_catalog", access)
    secret = "SECRET rest_catalog" if access else "AUTHORIZATION_TYPE 'none'"
    yield (
        f"ATTACH {_quoted(settings.warehouse)} AS {ATTACHED} (TYPE iceberg, READ_ONLY,"
        f" ENDPOINT {_quoted(settings.catalog_uri)}, {secret}, ACCESS_DELEGATION_MODE 'none')"
    )
    yield "SET TimeZone = 'UTC'"
    yield f"SET allowed_directories = [{_quoted(_store_root(settings))}]"
    yield "SET enable_external_access = false"
    yield "SET lock_configuration = true"


def _store_secret(settings: LakeSettings) -> dict[str, str | bool]:
    endpoint = urlsplit(settings.store_endpoint)
    if endpoint.scheme not in {"http", "https"} or not endpoint.netloc:
        raise SettingsError(
            "TAPEHOUSE_STORE_ENDPOINT must be an http or https URL,"
            f" not {settings.store_endpoint!r}."
        )
    return {
        "TYPE": "s3",
        "KEY_ID": settings.store_access_key,
        "SECRET": settings.store_secret_key.get_secret_value(),
        "ENDPOINT": endpoint.netloc,
        "REGION": settings.store_region,
        "URL_STYLE": "path",
        "USE_SSL": endpoint.scheme == "https",
    }


def _catalog_secret(settings: LakeSettings) -> dict[str, str | bool]:
    token = settings.token.get_secret_value()
    if token:
        return {"TYPE": "iceberg", "TOKEN": token}
    credential = settings.credential.get_secret_value()
    if not credential:
        return {}
    client_id, _, client_secret = credential.rpartition(":")
    return {
        "TYPE": "iceberg",
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": client_secret,
        "OAUTH2_SERVER_URI": settings.oauth2_endpoint,
    }


def _create_secret(name: str, options: dict[str, str | bool]) -> str:
    listed = ", ".join(
        f"{key} {str(value).lower() if isinstance(value, bool) else _quoted(value)}"
        for key, value in options.items()
    )
    return f"CREATE SECRET {name} ({listed})"


def _store_root(settings: LakeSettings) -> str:
    # A warehouse may be a mere name (`''` or `lake`); then the store's keys are the only bound.
    scheme, _, rest = settings.warehouse.partition("://")
    return f"{scheme}://{rest.strip('/')}/" if rest else "s3://"


def _extension(name: str) -> str:
    spec = find_spec(f"duckdb_extension_{name}")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    path = folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not path.is_file():
        raise LakeError(
            f"DuckDB's extension {name!r} for version {duckdb.__version__} is not installed."
            " Install the extra `serving` with the versions that uv.lock states."
        )
    return str(path)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
