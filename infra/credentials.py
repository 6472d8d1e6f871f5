"""Credentials: of a home, generated at its first start; of a stack, derived from its one secret."""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from catalog.errors import SettingsError
from infra.files import write_private


def _cluster_id() -> str:
    # Kafka wants a UUID's 16 bytes in URL-safe Base64; a leading dash would read as an option.
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


@dataclass(frozen=True, slots=True)
class Credentials:
    """One secret per purpose; none has a default, and none is ever shown."""

    store_access_key: str = field(repr=False)
    store_secret_key: str = field(repr=False)
    keeper_token: str = field(repr=False)
    simulator_token: str = field(repr=False)
    supervisor_password: str = field(repr=False)
    kafka_cluster_id: str

    @classmethod
    def generate(cls) -> Self:
        """A new set, from the system's source of randomness."""
        return cls(
            store_access_key=secrets.token_hex(10),
            store_secret_key=secrets.token_hex(20),
            keeper_token=secrets.token_urlsafe(24),
            simulator_token=secrets.token_hex(16),
            supervisor_password=secrets.token_hex(16),
            kafka_cluster_id=_cluster_id(),
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Those of a home started before. Raises SettingsError when the file is damaged."""
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError):
            # Not chained: the cause could quote the file.
            raise SettingsError(
                f"{path} is damaged: the store behind this home cannot be opened without it."
                " Restore the file, or start afresh in another home (--home)."
            ) from None

    @classmethod
    def ensure(cls, path: Path) -> Self:
        """Those of the home, made when there are none yet."""
        if path.exists():
            return cls.read(path)
        credentials = cls.generate()
        write_private(path, json.dumps(asdict(credentials), indent=1))
        return credentials

    def secrets(self) -> tuple[str, ...]:
        """All that must never be shown, for the redactor."""
        return (
            self.store_access_key,
            self.store_secret_key,
            self.keeper_token,
            self.simulator_token,
            self.supervisor_password,
        )


@dataclass(frozen=True, slots=True)
class ExternalSecrets:
    """What opens the services that are not ours, as the stack's config gives it.

    The webhook is one of them: whoever knows its address may post there.
    """

    broker_password: str = field(default="", repr=False)
    store_secret_key: str = field(default="", repr=False)
    store_reader_secret_key: str = field(default="", repr=False)
    catalog_token: str = field(default="", repr=False)
    catalog_credential: str = field(default="", repr=False)
    catalog_reader_token: str = field(default="", repr=False)
    catalog_reader_credential: str = field(default="", repr=False)
    alert_webhook: str = field(default="", repr=False)


_NO_SECRETS = ExternalSecrets()


@dataclass(frozen=True, slots=True)
class StackCredentials:
    """One secret per client of each server, so that each can be told from the others."""

    kafka_cluster_id: str = field(repr=False)
    kafka_broker_password: str = field(repr=False)
    kafka_admin_password: str = field(repr=False)
    kafka_producer_password: str = field(repr=False)
    kafka_stream_password: str = field(repr=False)
    kafka_console_password: str = field(repr=False)
    store_root_secret_key: str = field(repr=False)
    store_catalog_secret_key: str = field(repr=False)
    store_writer_secret_key: str = field(repr=False)
    store_reader_secret_key: str = field(repr=False)
    store_console_secret_key: str = field(repr=False)
    catalog_writer_token: str = field(repr=False)
    catalog_reader_token: str = field(repr=False)
    catalog_console_token: str = field(repr=False)
    spark_secret: str = field(repr=False)
    keeper_token: str = field(repr=False)
    console_token: str = field(repr=False)
    simulator_token: str = field(repr=False)
    external: ExternalSecrets = field(default=_NO_SECRETS, repr=False)

    @classmethod
    def derive(cls, secret: str, external: ExternalSecrets = _NO_SECRETS) -> Self:
        """From the stack's secret, the same ones each time, and none from another (HKDF)."""
        values = {name: _derived(secret, name) for name in _own_names(cls)}
        return cls(**values, external=external)

    @classmethod
    def placeholders(cls) -> Self:
        """A set that opens nothing: to describe a stack's structure without knowing its secret."""
        values = {name: f"placeholder-{name}" for name in _own_names(cls)}
        names = [one.name for one in fields(ExternalSecrets)]
        external = {name: f"placeholder-external-{name}" for name in names}
        return cls(**values, external=ExternalSecrets(**external))

    def secrets(self) -> tuple[str, ...]:
        """All that must never be shown, for the redactor and for tests."""
        own = [getattr(self, name) for name in _own_names(type(self))]
        theirs = [getattr(self.external, one.name) for one in fields(self.external)]
        return tuple(value for value in (*own, *theirs) if value)


def _own_names(kind: type[StackCredentials]) -> list[str]:
    return [one.name for one in fields(kind) if one.name != "external"]


def _derived(secret: str, name: str) -> str:
    key = hkdf(secret.encode(), f"tapehouse/1/{name}".encode(), 24)
    if name == "kafka_cluster_id":
        # Kafka wants 16 bytes in URL-safe Base64; a leading dash would read as an option.
        return base64.urlsafe_b64encode(bytes([key[0] & 0x7F]) + key[1:16]).decode().rstrip("=")
    return key.hex()


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt: what a secret that is itself random needs."""
    key = hmac.digest(bytes(hashlib.sha256().digest_size), secret, "sha256")
    block, output = b"", b""
    for counter in range(1, -(-length // len(key)) + 1):
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]
