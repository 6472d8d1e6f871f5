import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

from streaming.session import _close


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    """A small Spark without Kafka, Iceberg or network: transforms need neither."""
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "512m")
        .config("spark.driver.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    yield session
    # The JVM as well: a later session of this process must be able to launch its own.
    _close(SparkContext._gateway)
