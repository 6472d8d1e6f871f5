"""Settings of the console: how much one question may take, how many at once, and where it is."""

from pydantic import Field, SecretStr

from catalog.settings import Settings

_MEGABYTE = 1_000_000


class ConsoleSettings(Settings):
    """The limits of every question; a user may ask for less, never for more."""

    seconds: float = Field(30.0, alias="TAPEHOUSE_CONSOLE_SECONDS", gt=0, le=86_400)
    rows: int = Field(100_000, alias="TAPEHOUSE_CONSOLE_ROWS", ge=1, le=10_000_000)
    megabytes: int = Field(64, alias="TAPEHOUSE_CONSOLE_MEGABYTES", ge=1, le=4_096)
    memory_megabytes: int = Field(
        256, alias="TAPEHOUSE_CONSOLE_MEMORY_MEGABYTES", ge=64, le=1_000_000
    )
    threads: int = Field(1, alias="TAPEHOUSE_CONSOLE_THREADS", ge=1, le=64)
    at_once: int = Field(3, alias="TAPEHOUSE_CONSOLE_QUERIES", ge=1, le=100)
    spares: int = Field(1, alias="TAPEHOUSE_CONSOLE_SPARES", ge=0, le=10)

    @property
    def most_bytes(self) -> int:
        """The largest answer."""
        return self.megabytes * _MEGABYTE

    @property
    def memory_bytes(self) -> int:
        """What DuckDB may take for one question."""
        return self.memory_megabytes * _MEGABYTE


class ConsoleServiceSettings(Settings):
    """A console that is a service of its own: where it listens, or where it is to be asked.

    Without a `url` whoever wants a console has one in its own process.
    """

    url: str = Field("", alias="TAPEHOUSE_CONSOLE_URL", pattern="^(https?://.+)?$")
    host: str = Field("127.0.0.1", alias="TAPEHOUSE_CONSOLE_HOST")
    port: int = Field(8791, alias="TAPEHOUSE_CONSOLE_PORT", ge=0, le=65535)
    token: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_CONSOLE_TOKEN")
    log_level: str = Field("INFO", alias="TAPEHOUSE_LOG_LEVEL", pattern="^[A-Z]+$")
