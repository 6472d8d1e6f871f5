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
