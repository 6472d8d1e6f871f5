"""From `pulumi config` and `.env` to the stack's settings, and the checks before anything is made.

Pulumi's own types stay outside: a `ConfigSource` is what `pulumi.Config` looks like, so that the
reading and the checks are plain functions.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from catalog.errors import SettingsError
from catalog.settings import DEFAULT_SYMBOLS, FeedSettings
from infra.config import (
    ExternalBroker,
    ExternalCatalog,
    ExternalStore,
    Lifecycle,
    StackSettings,
    StoreKind,
)
from infra.credentials import ExternalSecrets

Choice = TypeVar("Choice", bound=StrEnum)


class ConfigSource(Protocol):
    """The part of `pulumi.Config` that is used."""

    def get(self, key: str) -> str | None: ...
    def get_int(self, key: str) -> int | None: ...
    def get_bool(self, key: str) -> bool | None: ...
    def get_object(self, key: str) -> Any: ...


def read_settings(
    config: ConfigSource, project: str, stack: str, feed: FeedSettings
) -> StackSettings:
    """The settings of one stack; `feed` is what `.env` and the environment say about the feed.

    The stack's config wins over `.env`. Raises SettingsError for a value that means nothing here.
    """
    tickers = config.get("tickers")
    defaults = StackSettings()
    return StackSettings(
        project=project,
        stack=stack,
        tickers=_symbols(tickers) if tickers else feed.symbols,
        has_token=bool(read_token(config, feed)),
        store=_choice(StoreKind, config.get("store") or defaults.store, "store"),
        workers=_or(config.get_int("workers"), defaults.workers),
        brokers=_or(config.get_int("brokers"), defaults.brokers),
        topic_partitions=_or(config.get_int("topicPartitions"), defaults.topic_partitions),
        trigger_seconds=_or(config.get_int("triggerSeconds"), defaults.trigger_seconds),
        snapshot_ladder=config.get("snapshotLadder") or defaults.snapshot_ladder,
        rate=config.get_int("rate") or None,
        dashboard_port=_or(config.get_int("dashboardPort"), defaults.dashboard_port),
        dashboard_address=config.get("dashboardAddress") or defaults.dashboard_address,
        consoles=bool(config.get_bool("consoles")),
        lifecycle=_choice(Lifecycle, config.get("lifecycle") or defaults.lifecycle, "lifecycle"),
        memory=_memory(config.get_object("memory") or {}),
        patience_seconds=_or(config.get_int("patienceSeconds"), defaults.patience_seconds),
        base_image=config.get("baseImage") or "",
        store_image=config.get("storeImage") or "",
        external_broker=_external_broker(config.get_object("externalBroker") or {}),
        external_store=_external_store(config.get_object("externalStore") or {}),
        external_catalog=_external_catalog(config.get_object("externalCatalog") or {}),
        external_spark=config.get("externalSpark") or None,
    )


def read_token(config: ConfigSource, feed: FeedSettings) -> str:
    """Finnhub's token: the stack's, else that of `.env`, else empty."""
    return config.get("token") or feed.token.get_secret_value()


def read_external_secrets(config: ConfigSource) -> ExternalSecrets:
    """What opens the services that are not ours."""
    broker: Mapping[str, str] = config.get_object("externalBroker") or {}
    store: Mapping[str, str] = config.get_object("externalStore") or {}
    catalog: Mapping[str, str] = config.get_object("externalCatalog") or {}
    return ExternalSecrets(
        broker_password=broker.get("password", ""),
        store_secret_key=store.get("secretKey", ""),
        store_reader_secret_key=store.get("readerSecretKey", ""),
        catalog_token=catalog.get("token", ""),
        catalog_credential=catalog.get("credential", ""),
        catalog_reader_token=catalog.get("readerToken", ""),
        catalog_reader_credential=catalog.get("readerCredential", ""),
        alert_webhook=config.get("alertWebhook") or "",
    )


def _symbols(text: str) -> tuple[str, ...]:
    try:
        return FeedSettings.read(symbols=text).symbols
    except SettingsError:
        raise SettingsError(
            f"tickers is {text!r}, and must be symbols separated by commas, each of letters, digits"
            f" and . : _ - or space, 32 at most: pulumi config set tickers {DEFAULT_SYMBOLS[0]}"
        ) from None


def _or(value: int | None, default: Any) -> Any:
    # Not `value or default`: a 0 is refused by the checks, not taken for "unset".
    return default if value is None else value


def _choice(kind: type[Choice], value: str, key: str) -> Choice:
    try:
        return kind(value)
    except ValueError:
        known = " or ".join(kind)
        command = f"pulumi config set {key} {next(iter(kind))}"
        raise SettingsError(f"{key} is {value!r}, and can only be {known}: {command}") from None


def _memory(values: Mapping[str, Any]) -> dict[str, int]:
    wrong = sorted(
        role for role, value in values.items() if type(value) is not int and not _is_digits(value)
    )
    if wrong:
        raise SettingsError(
            f"memory.{wrong[0]} is {values[wrong[0]]!r}, and must be a whole number of megabytes:"
            f" pulumi config set --path memory.{wrong[0]} 1024"
        )
    return {role: int(values[role]) for role in sorted(values)}


def _is_digits(value: object) -> bool:
    return isinstance(value, str) and value.isdigit()


def _external_broker(values: Mapping[str, str]) -> ExternalBroker | None:
    if not values:
        return None
    _check_keys("externalBroker", values, ("server",), _BROKER_KEYS)
    return ExternalBroker(
        server=values["server"],
        username=values.get("username", ""),
        security_protocol=values.get("securityProtocol", ""),
        sasl_mechanism=values.get("saslMechanism", ExternalBroker("").sasl_mechanism),
    )


def _external_store(values: Mapping[str, str]) -> ExternalStore | None:
    if not values:
        return None
    _check_keys("externalStore", values, ("endpoint", "accessKey", "secretKey"), _STORE_KEYS)
    defaults = ExternalStore("", "")
    return ExternalStore(
        endpoint=values["endpoint"],
        access_key=values["accessKey"],
        reader_access_key=values.get("readerAccessKey", ""),
        region=values.get("region", defaults.region),
        warehouse=values.get("warehouse", defaults.warehouse),
    )


def _external_catalog(values: Mapping[str, str]) -> ExternalCatalog | None:
    if not values:
        return None
    _check_keys("externalCatalog", values, ("uri",), _CATALOG_KEYS)
    return ExternalCatalog(
        uri=values["uri"],
        warehouse=values.get("warehouse", ""),
        oauth2_uri=values.get("oauth2Uri", ""),
    )


_BROKER_KEYS = ("server", "username", "password", "securityProtocol", "saslMechanism")
_STORE_KEYS = (
    "endpoint",
    "accessKey",
    "secretKey",
    "readerAccessKey",
    "readerSecretKey",
    "region",
    "warehouse",
)
_CATALOG_KEYS = (
    "uri",
    "warehouse",
    "oauth2Uri",
    "token",
    "credential",
    "readerToken",
    "readerCredential",
)


def _check_keys(
    role: str, values: Mapping[str, str], needed: Sequence[str], known: Sequence[str]
) -> None:
    missing = [key for key in needed if not values.get(key)]
    if missing:
        raise SettingsError(
            f"{role} lacks {missing[0]}: pulumi config set --path {role}.{missing[0]} VALUE"
            f" (with --secret where it is one), or take the rest of {role} away to use ours."
        )
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsError(
            f"{role}.{unknown[0]} means nothing here: known are {', '.join(known)}."
        )
