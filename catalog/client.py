"""The one place where pyiceberg's REST catalog is opened and its errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    ForbiddenError,
    NoSuchNamespaceError,
    NoSuchTableError,
    OAuthError,
    RESTError,
    UnauthorizedError,
)

from catalog.errors import LakeError
from catalog.settings import LakeSettings


def connect(settings: LakeSettings) -> Catalog:
    """A client of the REST catalog. Raises LakeError when it is out of reach or refuses us."""
    with translated(settings):
        return RestCatalog("lake", **settings.catalog_properties())


@contextmanager
def translated(settings: LakeSettings) -> Iterator[None]:
    """Turn what pyiceberg raises into LakeError, with the cause kept."""
    where = settings.catalog_uri
    try:
        yield
    except (NoSuchTableError, NoSuchNamespaceError) as error:
        raise LakeError(
            f"The catalog at {where} has no such table: {error}. Tables are made at first"
            " start; is it the right warehouse?"
        ) from error
    except (UnauthorizedError, ForbiddenError, OAuthError) as error:
        raise LakeError(
            f"The catalog at {where} refused our credentials. Check TAPEHOUSE_CATALOG_CREDENTIAL"
            " or TAPEHOUSE_CATALOG_TOKEN."
        ) from error
    except (CommitFailedException, CommitStateUnknownException) as error:
        raise LakeError(
            f"The catalog at {where} did not take a change of a table ({type(error).__name__}):"
            " others changed it each time before, or its outcome is unknown. Try again."
        ) from error
    except (requests.RequestException, RESTError, OSError) as error:
        raise LakeError(
            f"The catalog at {where}, or its store at {settings.store_endpoint}, does not answer"
            f" as it should ({type(error).__name__}). See `tapehouse status`."
        ) from error
