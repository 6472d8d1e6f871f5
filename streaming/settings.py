"""The streaming process's own settings; Kafka's and the lake's are the contract's."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from catalog.retention import DEFAULT_LADDER, Rung, parse_rungs
from catalog.settings import Settings


class StreamingSettings(Settings):
    """How the Spark job runs, how often it commits, and how it looks after the tables."""

    master: str = Field("local[2]", alias="TAPEHOUSE_SPARK_MASTER", min_length=1)
    driver_host: str = Field("127.0.0.1", alias="TAPEHOUSE_SPARK_DRIVER_HOST")
    driver_bind: str = Field("127.0.0.1", alias="TAPEHOUSE_SPARK_DRIVER_BIND")
    # On a cluster the executors call the driver, so its ports must be known; 0 is any free one.
    driver_port: int = Field(0, alias="TAPEHOUSE_SPARK_DRIVER_PORT", ge=0, le=65535)
    block_port: int = Field(0, alias="TAPEHOUSE_SPARK_BLOCK_PORT", ge=0, le=65535)
    cluster_secret: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_SPARK_SECRET")
    memory: str = Field("640m", alias="TAPEHOUSE_SPARK_MEMORY", pattern=r"^[1-9][0-9]*[mg]$")
    executor_memory: str = Field(
        "640m", alias="TAPEHOUSE_SPARK_EXECUTOR_MEMORY", pattern=r"^[1-9][0-9]*[mg]$"
    )
    jars: Path = Field(Path(".jars/spark"), alias="TAPEHOUSE_SPARK_JARS")
    checkpoint: Path = Field(Path(".tapehouse/checkpoint"), alias="TAPEHOUSE_CHECKPOINT_DIR")
    trigger_seconds: float = Field(2, alias="TAPEHOUSE_TRIGGER_SECONDS", ge=1, le=60)
    slow_trigger_seconds: float = Field(20, alias="TAPEHOUSE_SLOW_TRIGGER_SECONDS", ge=1, le=300)
    max_offsets: int = Field(300_000, alias="TAPEHOUSE_MAX_OFFSETS", ge=1)
    care_seconds: float = Field(60, alias="TAPEHOUSE_CARE_SECONDS", ge=1, le=3600)
    # About a thousand at the default trigger: each is in every commit's metadata file.
    snapshot_ladder: str = Field(DEFAULT_LADDER, alias="TAPEHOUSE_SNAPSHOT_LADDER")
    # More small files than this wait for care: then the stream commits less often.
    most_small_files: int = Field(5000, alias="TAPEHOUSE_MOST_SMALL_FILES", ge=100)
    keeper_host: str = Field("127.0.0.1", alias="TAPEHOUSE_KEEPER_HOST")
    keeper_port: int = Field(8790, alias="TAPEHOUSE_KEEPER_PORT", ge=0, le=65535)
    keeper_token: SecretStr = Field(SecretStr(""), alias="TAPEHOUSE_KEEPER_TOKEN")
    log_level: str = Field("INFO", alias="TAPEHOUSE_LOG_LEVEL", pattern="^[A-Z]+$")

    @field_validator("snapshot_ladder")
    @classmethod
    def _check_ladder(cls, text: str) -> str:
        parse_rungs(text)
        return text

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Which snapshots are kept."""
        return parse_rungs(self.snapshot_ladder)

    @property
    def on_cluster(self) -> bool:
        """Whether the work is done by executors elsewhere."""
        return not self.master.startswith("local")
