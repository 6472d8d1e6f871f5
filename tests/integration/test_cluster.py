"""A real Spark master without a worker: the job must give up, not wait for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from infra.java import ensure_java
from infra.paths import JARS, ROOT
from infra.service import Site
from infra.spark_services import master_url, spark_master
from tests.support.local_lake import free_ports
from tests.support.servers import running

pytestmark = pytest.mark.integration

SECRET = "of-the-tests"
JOB = """
from catalog.settings import LakeSettings
from streaming import session
from streaming.settings import StreamingSettings

session._WORKER_SECONDS = 3
with session.open_session(StreamingSettings.read(), LakeSettings.read()):
    print("ready")
"""


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    java = ensure_java(tmp_path / "java").executable
    monkeypatch.setenv("JAVA_HOME", str(java.parent.parent))
    names = ("spark-master.rpc", "spark-master.console")
    return Site(
        python=sys.executable,
        java=str(java),
        weed="",
        jars=JARS,
        data=tmp_path,
        ports=dict(zip(names, free_ports(2), strict=True)),
        hosts={"spark-master": "127.0.0.1"},
        files=tmp_path / "conf",
        memory={"spark-master": 320},
        spark=Path(pyspark.__file__).parent,
    )


def test_a_job_that_gets_no_worker_ends_and_says_so(site, tmp_path):
    environment = {
        "TAPEHOUSE_SPARK_MASTER": master_url(site),
        "TAPEHOUSE_SPARK_SECRET": SECRET,
        "TAPEHOUSE_SPARK_JARS": str(JARS / "spark"),
    }
    with running(spark_master(site, SECRET), tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", JOB],
            env={**os.environ, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode
    assert "gave the job no worker within 3 s" in done.stderr
    assert "ready" not in done.stdout
