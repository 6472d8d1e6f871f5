"""How DuckDB comes to the lake: its extensions, secrets and ATTACH as SQL, its errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from catalog.errors import LakeError, QueryError, SettingsError, TapehouseError
from catalog.logs import Redactor
from catalog.settings import LakeSettings
from serving.queries import ATTACHED

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_unsigned_extensions": False,
    "python_enable_replacements": False,
}
"""What every database of ours starts with."""

STORE_SECRET, CATALOG_SECRET = "store", "rest_catalog"

_EXTENSIONS = ("httpfs", "avro", "iceberg")

# The SQL is at fault; anything else DuckDB raises is about the catalog, the store or ourselves.
_QUERY_FAULTS = (
    duckdb.ProgrammingError,
    duckdb.DataError,
    duckdb.NotSupportedError,
    duckdb.PermissionException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.SequenceException,
)


def attaching(settings: LakeSettings) -> Iterator[str]:
    """What a new database runs first: extensions, secrets, the warehouse read-only, UTC.

    Locking comes after it, in the words of whoever opens the database.
    """
    for name in _EXTENSIONS:
        yield f"LOAD {quoted(_extension(name))}"
    yield _create_secret(STORE_SECRET, _store_secret(settings))
    access = _catalog_secret(settings)
    if access:
        yield _create_secret(CATALOG_SECRET, access)
    secret = f"SECRET {CATALOG_SECRET}" if access else "AUTHORIZATION_TYPE 'none'"
    yield (
        f"ATTACH {quoted(settings.warehouse)} AS {ATTACHED} (TYPE iceberg, READ_ONLY,"
        f" ENDPOINT {quoted(settings.catalog_uri)}, {secret}, ACCESS_DELEGATION_MODE 'none')"
    )
    yield "SET TimeZone = 'UTC'"


def locking(settings: LakeSettings) -> Iterator[str]:
    """What shuts a database that is attached: its files are the lake's, its settings final."""
    yield f"SET allowed_directories = [{quoted(store_root(settings))}]"
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
        f"{key} {str(value).lower() if isinstance(value, bool) else quoted(value)}"
        for key, value in options.items()
    )
    return f"CREATE SECRET {name} ({listed})"


def store_root(settings: LakeSettings) -> str:
    """The part of the store that DuckDB may open files in."""
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


def quoted(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def redactor(settings: LakeSettings) -> Redactor:
    """What cuts the secrets of the lake out of a text."""
    credential = settings.credential.get_secret_value()
    return Redactor(
        [
            credential,
            credential.rpartition(":")[2],
            settings.token.get_secret_value(),
            settings.store_secret_key.get_secret_value(),
        ]
    )


@contextmanager
def translated(redact: Redactor) -> Iterator[None]:
    """DuckDB's errors as ours, without secrets; its own error is not chained, it may hold them."""
    try:
        yield
    except TapehouseError:
        raise
    except _QUERY_FAULTS as error:
        raise QueryError(redact(str(error))) from None
    except duckdb.Error as error:
        raise LakeError(
            f"The lake does not answer as it should: {redact(str(error))}. Are catalog and store"
            " running? `tapehouse status` tells."
        ) from None
