from pathlib import Path

import pytest

from catalog.errors import InstallError
from catalog.settings import LakeSettings
from streaming.session import launch_conf, open_session, session_conf
from streaming.settings import StreamingSettings

LAKE = LakeSettings(
    TAPEHOUSE_CATALOG_CREDENTIAL="canary-credential",
    TAPEHOUSE_CATALOG_TOKEN="canary-token",
    TAPEHOUSE_STORE_SECRET_KEY="canary-secret",
    TAPEHOUSE_STORE_ACCESS_KEY="canary-access",
)
SCRATCH = Path("/tmp/scratch")


def test_no_secret_is_among_what_the_command_line_shows():
    assert "canary" not in str(launch_conf(StreamingSettings(), SCRATCH))


def test_a_local_session_has_nothing_of_a_cluster():
    conf = session_conf(StreamingSettings(), LAKE, SCRATCH)
    assert not [name for name in conf if "authenticate" in name or "executor" in name]


def test_a_cluster_gets_known_ports_and_a_secret_that_its_command_line_does_not_show():
    settings = StreamingSettings(
        TAPEHOUSE_SPARK_MASTER="spark://spark-master:7077",
        TAPEHOUSE_SPARK_DRIVER_PORT=7079,
        TAPEHOUSE_SPARK_BLOCK_PORT=7080,
        TAPEHOUSE_SPARK_SECRET="canary-of-the-cluster",
    )
    conf = session_conf(settings, LAKE, SCRATCH)
    assert conf["spark.authenticate"] == "true"
    assert conf["spark.authenticate.secret"] == "canary-of-the-cluster"
    assert (conf["spark.driver.port"], conf["spark.driver.blockManager.port"]) == ("7079", "7080")
    assert "canary" not in str(launch_conf(settings, SCRATCH))


def test_the_session_gets_the_catalog_with_its_secrets():
    conf = session_conf(StreamingSettings(), LAKE, SCRATCH)
    assert conf["spark.sql.catalog.lake.token"] == "canary-token"
    assert conf["spark.sql.catalog.lake.credential"] == "canary-credential"
    assert conf["spark.sql.catalog.lake.s3.secret-access-key"] == "canary-secret"
    assert conf["spark.sql.catalog.lake.rest.auth.type"] == "oauth2"


def test_a_catalog_without_login_is_told_so():
    lake = LakeSettings(TAPEHOUSE_CATALOG_CREDENTIAL="", TAPEHOUSE_CATALOG_TOKEN="")
    conf = session_conf(StreamingSettings(), lake, SCRATCH)
    assert conf["spark.sql.catalog.lake.rest.auth.type"] == "none"


def test_a_folder_without_jars_is_said_plainly(tmp_path):
    settings = StreamingSettings(TAPEHOUSE_SPARK_JARS=tmp_path)
    with pytest.raises(InstallError, match="TAPEHOUSE_SPARK_JARS"), open_session(settings, LAKE):
        pass
