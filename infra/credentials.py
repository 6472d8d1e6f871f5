"""The home's own credentials: generated at its first start, readable by its owner alone."""

import base64
import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field
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
