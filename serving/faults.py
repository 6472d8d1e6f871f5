"""DuckDB's errors as ours, without secrets."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from catalog.errors import LakeError, QueryError, TapehouseError
from catalog.logs import Redactor
from catalog.settings import LakeSettings

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


def redactor(settings: LakeSettings) -> Redactor:
    """What hides the secrets of these settings in a text."""
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
    """Turn what DuckDB raises into ours; its own error is not chained, it may hold secrets."""
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
