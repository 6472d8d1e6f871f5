"""Typed settings, read once at a process's entry point and passed down.

Each class reads environment variables first, then `.env` in the working directory, then its
defaults. Secrets are `SecretStr`: they show as asterisks in every repr and log.
"""

import re
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from catalog.errors import SettingsError
from catalog.topics import DEFAULT_TOPIC, Topics

SYMBOL_PATTERN = re.compile(r"[A-Za-z0-9.:_ -]{1,32}")

DEFAULT_SYMBOLS = (
    "BINANCE:BTCUSDT",
    "BINANCE:ETHUSDT",
    "BINANCE:SOLUSDT",
    "AAPL",
    "TSLA",
    "MSFT",
    "NVDA",
)


class Settings(BaseSettings):
    """Base of all settings: the `.env` file, unknown names ignored, errors in our own words."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    @classmethod
    def read(cls, **values: object) -> Self:
        """Read the environment; `values` win. Raises SettingsError naming each bad variable."""
        try:
            return cls(**values)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            # Not chained: pydantic's own message would show the refused value, maybe a secret.
            raise SettingsError(
                f"Settings cannot be used: {problems}. Set them in the environment or in .env"
                " (.env.example describes them)."
            ) from None


class FeedSettings(Settings):
    """Where trades come from."""

    token: SecretStr = Field(SecretStr(""), alias="FINNHUB_API_TOKEN")
    symbols: Annotated[tuple[str, ...], NoDecode] = Field(DEFAULT_SYMBOLS, alias="FINNHUB_TICKERS")
    url: str = Field("wss://ws.finnhub.io", alias="TAPEHOUSE_FEED_URL")
    source: str = Field("finnhub", alias="TAPEHOUSE_FEED_SOURCE", max_length=200)

    @field_validator("symbols", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))

    @field_validator("symbols")
    @classmethod
    def _check(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        bad = [symbol for symbol in symbols if not SYMBOL_PATTERN.fullmatch(symbol)]
        if bad:
            raise ValueError(
                f"not symbols: {bad} (letters, digits and . : _ - or space, at most 32)"
            )
        if not symbols:
            raise ValueError("at least one symbol is needed")
        return symbols


class BrokerSettings(Settings):
    """How to reach Kafka."""

    server: str = Field("127.0.0.1:9092", alias="KAFKA_SERVER")
    topic: str = Field(DEFAULT_TOPIC, alias="KAFKA_TOPIC", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    trade_partitions: int = Field(2, alias="TAPEHOUSE_TOPIC_PARTITIONS", ge=1, le=1000)
    username: str = Field("", alias="KAFKA_USERNAME")
    password: SecretStr = Field(SecretStr(""), alias="KAFKA_PASSWORD")
    sasl_mechanism: str = Field("SCRAM-SHA-512", alias="KAFKA_SASL_MECHANISM")
    security_protocol: str = Field("", alias="KAFKA_SECURITY_PROTOCOL")

    @property
    def topics(self) -> Topics:
        """The three topics, named after `KAFKA_TOPIC`."""
        return Topics(self.topic)

    @property
    def protocol(self) -> str:
        """The security protocol: as set, else SASL over plain text when there is a user name."""
        return self.security_protocol or ("SASL_PLAINTEXT" if self.username else "PLAINTEXT")

    def client_config(self) -> dict[str, str]:
        """What every librdkafka client starts from. Holds the password: never log it."""
        config = {"bootstrap.servers": self.server, "security.protocol": self.protocol}
        if self.username:
            config |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password.get_secret_value(),
            }
        return config


class LakeSettings(Settings):
    """How to reach the REST catalog and the object store."""

    catalog_uri: str = Field("http://127.0.0.1:8181", alias="TAPEHOUSE_CATALOG_URI")
    warehouse: str = Field("s3://lake", alias="TAPEHOUSE_CATALOG_WAREHOUSE")
    oauth2_uri: str = Field("", alias="TAPEHOUSE_CATALOG_OAUTH2_URI")
    credential: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_CATALOG_CREDENTIAL")
    token: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_CATALOG_TOKEN")
    store_endpoint: str = Field("http://127.0.0.1:8333", alias="TAPEHOUSE_STORE_ENDPOINT")
    store_region: str = Field("us-east-1", alias="TAPEHOUSE_STORE_REGION")
    store_access_key: str = Field("", alias="TAPEHOUSE_STORE_ACCESS_KEY")
    store_secret_key: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_STORE_SECRET_KEY")

    @property
    def oauth2_endpoint(self) -> str:
        """Where the catalog's clients trade a credential in for a token."""
        return self.oauth2_uri or f"{self.catalog_uri.rstrip('/')}/v1/oauth/tokens"

    def catalog_properties(self) -> dict[str, str]:
        """The Iceberg REST client's own property names. Holds secrets: never log it."""
        properties = {
            "uri": self.catalog_uri,
            "warehouse": self.warehouse,
            "s3.endpoint": self.store_endpoint,
            "s3.region": self.store_region,
            "s3.access-key-id": self.store_access_key,
            "s3.secret-access-key": self.store_secret_key.get_secret_value(),
            "s3.path-style-access": "true",
        }
        if self.token.get_secret_value():
            properties["token"] = self.token.get_secret_value()
        if self.credential.get_secret_value():
            properties["credential"] = self.credential.get_secret_value()
        if self.oauth2_uri:
            properties["oauth2-server-uri"] = self.oauth2_uri
        return properties


def environment_of(*groups: Settings) -> dict[str, str]:
    """The environment variables that make another process read the same settings. Holds secrets."""
    variables: dict[str, str] = {}
    for group in groups:
        for name, field in type(group).model_fields.items():
            value = getattr(group, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            elif isinstance(value, tuple):
                value = ",".join(value)
            variables[field.alias or name] = str(value)
    return variables
