"""How the stack's own clients reach the lake: one that writes, and two that can only read."""

from pydantic import SecretStr

from catalog.settings import LakeSettings
from infra.config import StackSettings, StoreKind
from infra.container_site import SEAWEEDFS_OPEN
from infra.credentials import StackCredentials
from infra.jobs.store_users import CONSOLE, READER, WRITER
from infra.service import Site
from infra.services import WAREHOUSE_BUCKET


def store_endpoint(settings: StackSettings, site: Site) -> str:
    """Where the store is, ours or not."""
    if settings.external_store:
        return settings.external_store.endpoint
    return f"http://{site.hosts['store']}:{site.ports['store.s3']}"


def writer_settings(
    settings: StackSettings, credentials: StackCredentials, site: Site
) -> LakeSettings:
    """Of the stream and of the job that makes the tables."""
    external, store = credentials.external, settings.external_store
    return _settings(
        settings,
        site,
        WRITER if store is None else store.access_key,
        credentials.store_writer_secret_key if store is None else external.store_secret_key,
        credentials.catalog_writer_token,
        (external.catalog_token, external.catalog_credential),
    )


def reader_settings(
    settings: StackSettings, credentials: StackCredentials, site: Site
) -> LakeSettings:
    """Of the dashboard. Where an external service has no reader of its own, the writer's."""
    own = (READER, credentials.store_reader_secret_key, credentials.catalog_reader_token)
    return _reading(settings, credentials, site, own)


def console_settings(
    settings: StackSettings, credentials: StackCredentials, site: Site
) -> LakeSettings:
    """Of the console, which reads as the dashboard does. An external service has one reader."""
    own = (CONSOLE, credentials.store_console_secret_key, credentials.catalog_console_token)
    return _reading(settings, credentials, site, own)


def _reading(
    settings: StackSettings, credentials: StackCredentials, site: Site, own: tuple[str, str, str]
) -> LakeSettings:
    """`own` are the client's key, secret key and token at store and catalog of ours."""
    external, store = credentials.external, settings.external_store
    key, secret, token = own
    if store is not None:
        has_reader = bool(store.reader_access_key)
        key = store.reader_access_key or store.access_key
        secret = external.store_reader_secret_key if has_reader else external.store_secret_key
    return _settings(
        settings,
        site,
        key,
        secret,
        token,
        (
            external.catalog_reader_token or external.catalog_token,
            external.catalog_reader_credential or external.catalog_credential,
        ),
    )


def _settings(
    settings: StackSettings,
    site: Site,
    key: str,
    secret: str,
    own_token: str,
    external: tuple[str, str],
) -> LakeSettings:
    """`external` is the token and the OAuth2 credential for a catalog that is not ours."""
    token, credential, oauth2_uri = "", "", ""
    warehouse = f"s3://{WAREHOUSE_BUCKET}"
    if settings.external_catalog:
        uri, (token, credential) = settings.external_catalog.uri, external
        warehouse = settings.external_catalog.warehouse or warehouse
        oauth2_uri = settings.external_catalog.oauth2_uri
    elif settings.external_store is None and settings.store is StoreKind.SEAWEEDFS:
        uri = f"http://{site.hosts['store']}:{SEAWEEDFS_OPEN['store.catalog']}"
        oauth2_uri, credential = f"{uri}/v1/oauth/tokens", f"{key}:{secret}"
    else:
        uri, token = site.url("catalog-proxy.rest"), own_token
    store = settings.external_store
    return LakeSettings.read(
        catalog_uri=uri,
        warehouse=warehouse,
        oauth2_uri=oauth2_uri,
        credential=SecretStr(credential),
        token=SecretStr(token),
        store_endpoint=store_endpoint(settings, site),
        store_region=store.region if store else "us-east-1",
        store_access_key=key,
        store_secret_key=SecretStr(secret),
    )
