"""The producer process's own settings."""

from pathlib import Path

from pydantic import Field

from catalog.errors import SettingsError
from catalog.settings import FeedSettings, Settings

FINNHUB_HOST = "ws.finnhub.io"


class IngestSettings(Settings):
    """How the producer behaves. Times as each name says."""

    silent_minutes: float = Field(10.0, alias="TAPEHOUSE_SILENT_MINUTES", gt=0)
    flush_seconds: float = Field(10.0, alias="TAPEHOUSE_FLUSH_SECONDS", gt=0, le=600)
    broker_wait_seconds: float = Field(30.0, alias="TAPEHOUSE_BROKER_WAIT_SECONDS", gt=0, le=3600)
    delivery_log: Path | None = Field(None, alias="TAPEHOUSE_DELIVERY_LOG")
    health_file: Path | None = Field(None, alias="TAPEHOUSE_HEALTH_FILE")
    log_level: str = Field("INFO", alias="TAPEHOUSE_LOG_LEVEL", pattern="^[A-Z]+$")


def check_feed(feed: FeedSettings) -> FeedSettings:
    """Raises SettingsError when the vendor's address is set but no token for it."""
    if FINNHUB_HOST in feed.url and not feed.token.get_secret_value():
        raise SettingsError(
            "FINNHUB_API_TOKEN is not set, and the feed is Finnhub's. Put a key (free at"
            " finnhub.io) into .env, or point TAPEHOUSE_FEED_URL at the simulator."
        )
    return feed
