"""`python -m infra.jobs.store`: makes the bucket, its users, and says what each may do."""

import sys

from pydantic import Field, SecretStr

from catalog.settings import Settings
from infra.jobs import minio_store, seaweedfs_store
from infra.jobs.running import run_job
from infra.jobs.store_users import CATALOG, CONSOLE, READER, WRITER


class SetupSettings(Settings):
    """What there is to set up, and every user's secret key."""

    store: str = Field(alias="TAPEHOUSE_SETUP_STORE", pattern="^(minio|seaweedfs)$")
    endpoint: str = Field(alias="TAPEHOUSE_SETUP_ENDPOINT", pattern="^https?://")
    bucket: str = Field(alias="TAPEHOUSE_SETUP_BUCKET", min_length=3)
    root_key: SecretStr = Field(alias="TAPEHOUSE_SETUP_ROOT_KEY")
    catalog_key: SecretStr = Field(alias="TAPEHOUSE_SETUP_CATALOG_KEY")
    writer_key: SecretStr = Field(alias="TAPEHOUSE_SETUP_WRITER_KEY")
    reader_key: SecretStr = Field(alias="TAPEHOUSE_SETUP_READER_KEY")
    console_key: SecretStr = Field(alias="TAPEHOUSE_SETUP_CONSOLE_KEY")


def main() -> int:
    """Returns the exit code."""
    return run_job("infra.jobs.store", _ensure)


def _ensure() -> str:
    settings = SetupSettings.read()
    root_key = settings.root_key.get_secret_value()
    if settings.store == "seaweedfs":
        # Its users stand in a file of its own; what they may do in the catalog does not.
        return seaweedfs_store.grant(settings.endpoint, settings.bucket, root_key)
    keys = {
        CATALOG: settings.catalog_key.get_secret_value(),
        WRITER: settings.writer_key.get_secret_value(),
        READER: settings.reader_key.get_secret_value(),
        CONSOLE: settings.console_key.get_secret_value(),
    }
    return minio_store.set_up(settings.endpoint, settings.bucket, root_key, keys)


if __name__ == "__main__":
    sys.exit(main())
