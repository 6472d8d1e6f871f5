"""Settings of the dashboard, and how Streamlit is started for it."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from catalog.settings import Settings

APP = Path(__file__).parent / "server.py"


class DashboardSettings(Settings):
    """How the dashboard follows the lake."""

    poll_seconds: float = Field(0.4, alias="TAPEHOUSE_DASHBOARD_POLL_SECONDS", ge=0.1, le=60)
    query_memory: str = Field(
        "1GB", alias="TAPEHOUSE_DASHBOARD_QUERY_MEMORY", pattern=r"^[1-9][0-9]*[MG]B$"
    )
    refresh_seconds: float = Field(1.0, alias="TAPEHOUSE_DASHBOARD_REFRESH_SECONDS", ge=0.25, le=60)
    # When the producer calls a symbol silent: a silence without its word is not the feed's.
    silent_minutes: float = Field(10.0, alias="TAPEHOUSE_SILENT_MINUTES", gt=0)
    folder: Path = Field(Path(".tapehouse/dashboard"), alias="TAPEHOUSE_DASHBOARD_DIR")
    # Its path is often the only thing that keeps strangers out.
    alert_webhook: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_ALERT_WEBHOOK")

    @field_validator("alert_webhook")
    @classmethod
    def _check_webhook(cls, webhook: SecretStr) -> SecretStr:
        url = webhook.get_secret_value()
        parts = urlsplit(url)
        if url and not (parts.scheme in {"http", "https"} and parts.hostname):
            raise ValueError("must be an http or https URL")
        return webhook


class KeeperSettings(Settings):
    """How the dashboard asks the streaming process; without a token nobody answers."""

    host: str = Field("127.0.0.1", alias="TAPEHOUSE_KEEPER_HOST")
    port: int = Field(8790, alias="TAPEHOUSE_KEEPER_PORT", ge=0, le=65535)
    token: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_KEEPER_TOKEN")


def streamlit_command(port: int, address: str = "127.0.0.1", app: str = str(APP)) -> list[str]:
    """The arguments after `python`; all else stands in `.streamlit/config.toml` beside the app."""
    return [
        "-m",
        "streamlit",
        "run",
        app,
        f"--server.port={port}",
        f"--server.address={address}",
    ]
