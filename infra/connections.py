"""How to reach the services of a home: settings for our own clients, and the keeper's answers."""

from typing import Any

from pydantic import SecretStr

from catalog.keeper_client import ask_act, ask_status
from catalog.settings import BrokerSettings, FeedSettings, LakeSettings
from infra.home import Home
from infra.ports import LOOPBACK
from infra.services import WAREHOUSE_BUCKET

SIMULATOR = "simulator"


def broker_settings(home: Home) -> BrokerSettings:
    """Of the home's Kafka; topic names come from the user's settings."""
    return BrokerSettings.read(
        server=f"{LOOPBACK}:{home.ports['kafka.client']}",
        username="",
        password=SecretStr(""),
        security_protocol="PLAINTEXT",
    )


def lake_settings(home: Home) -> LakeSettings:
    """Of the home's REST catalog and store."""
    credentials = home.credentials
    catalog = f"http://{LOOPBACK}:{home.ports['store.catalog']}"
    return LakeSettings.read(
        catalog_uri=catalog,
        warehouse=f"s3://{WAREHOUSE_BUCKET}",
        oauth2_uri=f"{catalog}/v1/oauth/tokens",
        credential=SecretStr(f"{credentials.store_access_key}:{credentials.store_secret_key}"),
        token=SecretStr(""),
        store_endpoint=f"http://{LOOPBACK}:{home.ports['store.s3']}",
        store_region="us-east-1",
        store_access_key=credentials.store_access_key,
        store_secret_key=SecretStr(credentials.store_secret_key),
    )


def simulated_feed_settings(home: Home, source: str = SIMULATOR, **values: object) -> FeedSettings:
    """Of the home's simulator; symbols come from the user's settings unless given."""
    return FeedSettings.read(
        token=SecretStr(home.credentials.simulator_token),
        url=f"ws://{LOOPBACK}:{home.ports['simulator.feed']}",
        source=source,
        **values,
    )


def keeper_status(home: Home) -> dict[str, Any]:
    """What the streaming process tells of itself. Raises ServiceError when it is silent."""
    return ask_status(
        LOOPBACK, home.ports["stream.keeper"], SecretStr(home.credentials.keeper_token)
    )


def keeper_act(home: Home, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Have the streaming process do an act. Raises what it says, ServiceError when it is silent."""
    return ask_act(
        LOOPBACK, home.ports["stream.keeper"], SecretStr(home.credentials.keeper_token), path, body
    )
