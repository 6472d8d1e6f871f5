"""Every image, built on the engine and started the way a stack starts it: hardened and alone."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.images import TARGETS, build_context
from tests.support.images import built_classically, built_images
from tests.support.stack import docker

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]

MEGABYTE = 1_000_000

# What each may weigh, on Debian's slim base (the stand-in of the tests is larger).
LARGEST_MB = {
    "proxy": 300,
    "store": 400,
    "seaweedfs": 450,
    "kafka": 550,
    "catalog": 650,
    "ingest": 600,
    "setup": 600,
    "console": 750,
    "serving": 900,
    "spark": 1000,
    "streaming": 1250,
}

HARDENED = (
    "--read-only",
    "--init",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=10001:10001",
    "--network=none",
    "--memory=768m",
    "--memory-swap=768m",
    "--tmpfs=/tmp:rw,exec,nosuid,nodev,size=128m,mode=1777",
)
PYTHON = "/opt/venv/bin/python"
LAUNCH = ("python3", "-I", "-S", "/opt/tapehouse/launch.py")
PROBE = ("python3", "-I", "-S", "/opt/tapehouse/probe.py")


@pytest.fixture(scope="session")
def built(make_stack) -> Iterator[dict[str, str]]:
    """Image ids by target."""
    with built_images(make_stack("images")) as ids:
        yield ids


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """What a command prints in a container that is gone afterwards."""
    done = subprocess.run(
        ["docker", "run", "--rm", *HARDENED, *options, image, *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_nobody_without_build_tools_and_writes_to_what_is_kept_alone(
    target, built
):
    # One container for all three questions: there are eleven images.
    script = (
        "id -u; id -g; for tool in gcc cc make pip pip3 uv curl wget git javac; do"
        ' command -v "$tool"; done; ls -A /var/lib/apt/lists; echo writable:;'
        " find / -xdev -writable -not -type l -not -path '/proc/*' -not -path '/dev/*'"
        " -not -path '/sys/*' 2>/dev/null; true"
    )
    # Without --read-only: what the image itself would allow.
    options = [one for one in HARDENED if one != "--read-only" and not one.startswith("--tmpfs")]
    told, _, writable = subprocess.run(
        ["docker", "run", "--rm", *options, "--entrypoint=", built[target], "bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout.partition("writable:\n")
    # What is more than the two numbers is a tool, or a list of packages.
    assert told.split() == ["10001", "10001"]
    allowed = ("/data", "/tmp", "/var/tmp", "/run/lock")
    assert writable
    assert [path for path in writable.split() if not path.startswith(allowed)] == []


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_says_what_it_is_and_is_not_too_large(target, built):
    (found,) = json.loads(docker("image", "inspect", built[target]))
    labels = found["Config"]["Labels"]
    assert labels["dev.tapehouse.image"] == target
    assert labels["org.opencontainers.image.title"]
    assert found["Config"]["User"] == "10001:10001"
    assert not found["Config"]["Volumes"]
    assert found["Size"] <= LARGEST_MB[target] * MEGABYTE


@pytest.mark.parametrize("target", ["ingest", "kafka"])
def test_the_classic_builder_builds_it_too_and_again_the_same(target, images, tmp_path):
    before = built_classically(images, tmp_path / "once", target)
    assert built_classically(images, tmp_path / "again", target) == before


@pytest.fixture
def start(built) -> Iterator:
    """A starter of containers; they end with the test."""
    names: list[str] = []

    def started(target: str, *command: str, options: tuple[str, ...] = ()) -> str:
        name = docker("run", "--detach", *HARDENED, *options, built[target], *command).strip()
        names.append(name)
        return name

    yield started
    for name in names:
        subprocess.run(["docker", "rm", "-fv", name], capture_output=True, check=True)


def becomes_healthy(name: str, *probe: str, seconds: float = 240) -> None:
    """Ask from inside until the answer is good."""
    deadline = time.monotonic() + seconds
    while True:
        done = subprocess.run(
            ["docker", "exec", name, *probe], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            logs = subprocess.run(
                ["docker", "logs", name], capture_output=True, text=True, check=False
            )
            raise AssertionError(f"{probe}: {done.stdout}{done.stderr}\n{logs.stdout}{logs.stderr}")
        time.sleep(0.5)


def test_the_store_serves_from_an_empty_docker_volume(start):
    name = start(
        "store",
        *("silo", "server", "--address=127.0.0.1:9000", "/data/store"),
        options=(
            "--volume=/data/store",
            "--env=MINIO_ROOT_USER=u123",
            "--env=MINIO_ROOT_PASSWORD=p12345678",
        ),
    )
    becomes_healthy(name, *PROBE, "http", "http://127.0.0.1:9000/minio/health/ready")


def test_seaweedfs_passes_on_two_ports_and_keeps_the_rest_to_itself(start):
    inner = ("-s3.port=18333", "-s3.port.iceberg=18181", "-s3.port.lance=0", "-webdav=false")
    name = start(
        "seaweedfs",
        *("python3", "-I", "-S", "/opt/tapehouse/forward.py", "9000=18333", "8181=18181", "--"),
        *("weed", "mini", "-dir=/data/store", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-admin.ui=false", "-master.telemetry=false", "-tableBucket=lake", *inner),
        options=(
            "--volume=/data/store",
            "--env=AWS_ACCESS_KEY_ID=key",
            "--env=AWS_SECRET_ACCESS_KEY=secret",
        ),
    )
    becomes_healthy(name, *PROBE, "http", "http://127.0.0.1:8181/v1/config")
    listening = run_inside(name, "cat", "/proc/net/tcp", "/proc/net/tcp6")
    everywhere = {
        int(words[1].split(":")[1], 16)
        for words in map(str.split, listening.splitlines())
        if len(words) > 3 and words[3] == "0A" and set(words[1].split(":")[0]) == {"0"}
    }
    assert everywhere == {9000, 8181}


def run_inside(name: str, *command: str) -> str:
    return docker("exec", name, *command)


def test_the_reference_catalog_answers_on_its_own_database(start):
    name = start(
        "catalog",
        *("java", "-cp", "/opt/jars/catalog/*", "org.apache.iceberg.rest.RESTCatalogServer"),
        options=(
            "--volume=/data/catalog",
            "--env=CATALOG_URI=jdbc:sqlite:/data/catalog/catalog.db",
            "--env=CATALOG_WAREHOUSE=/data/catalog/warehouse",
        ),
    )
    becomes_healthy(name, *PROBE, "http", "http://127.0.0.1:8181/v1/config")
    assert "catalog.db" in run_inside(name, "ls", "/data/catalog")


def test_kafka_is_prepared_once_and_speaks(start, tmp_path):
    properties = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
listeners=CLIENT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=/data/kafka/data
offsets.topic.replication.factor=1
"""
    java = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", "/opt/jars/kafka/*")
    settings = "/run/tapehouse/server.properties"
    formatting = (
        "kafka.tools.StorageTool",
        "format",
        "-t",
        "u_ZUW0WxQy-3P7ZT7gvUJA",
        "-c",
        settings,
    )
    preparation = {"command": [*java, *formatting], "creates": "/data/kafka/data/meta.properties"}
    name = deliver(
        start,
        tmp_path,
        {"server.properties": properties, "prepare.json": json.dumps(preparation)},
        ("kafka", *java, "kafka.Kafka", settings),
        ("--volume=/data/kafka",),
    )
    becomes_healthy(name, *PROBE, "kafka", "9092")
    docker("restart", name)
    becomes_healthy(name, *PROBE, "kafka", "9092")


def deliver(start, folder: Path, files: dict[str, str], command, options) -> str:
    """Start a container that finds these files under /run/tapehouse, as a stack's would."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    folder.chmod(0o755)
    target, *arguments = command
    return start(target, *arguments, options=(*options, f"--volume={folder}:/run/tapehouse:ro"))


def test_the_proxy_answers_as_its_configuration_says(start, tmp_path):
    configuration = """
daemon off; pid /tmp/nginx.pid; events {}
http {
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c;
  uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e; access_log off;
  server { listen 8181; location / { return 401; } location = /well { return 204; } }
}
"""
    name = deliver(
        start,
        tmp_path,
        {"nginx.conf": configuration},
        ("proxy", "nginx", "-e", "stderr", "-c", "/run/tapehouse/nginx.conf"),
        (),
    )
    becomes_healthy(name, *PROBE, "http", "http://127.0.0.1:8181/well")
    refused = subprocess.run(
        ["docker", "exec", name, *PROBE, "http", "http://127.0.0.1:8181/"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "401" in refused.stdout


def test_a_spark_master_is_alive(start):
    name = start(
        "spark",
        *(
            "bash",
            "-c",
            'exec $SPARK_HOME/bin/spark-class org.apache.spark.deploy.master.Master "$@"',
        ),
        *("--", "--host", "127.0.0.1", "--webui-port", "8080"),
        # Without a network no name can be looked up.
        options=("--env=SPARK_LOCAL_HOSTNAME=127.0.0.1", "--env=SPARK_LOCAL_IP=127.0.0.1"),
    )
    becomes_healthy(name, *PROBE, "http", "http://127.0.0.1:8080/json/", "--wants", "status")


def test_streaming_has_spark_the_jars_and_its_own_packages(built):
    script = """
import importlib.metadata, pathlib, pyiceberg, pyarrow, pyspark, streaming.job, streaming.session
print(importlib.metadata.version("tapehouse"))
print(len(list(pathlib.Path("/opt/jars/spark").glob("*.jar"))))
"""
    version, jars = run(built["streaming"], PYTHON, "-c", script).split()
    assert int(jars) >= 6
    assert version


def test_spark_streams_into_an_iceberg_table_with_what_the_image_holds(built):
    script = """
from pyspark.sql import SparkSession
catalog = "spark.sql.catalog.lake"
session = (
    SparkSession.builder.master("local[1]")
    .config("spark.driver.memory", "512m")
    .config("spark.driver.extraClassPath", "/opt/jars/spark/*")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.sql.warehouse.dir", "/tmp/warehouse")
    .config(catalog, "org.apache.iceberg.spark.SparkCatalog")
    .config(f"{catalog}.type", "hadoop")
    .config(f"{catalog}.warehouse", "/tmp/lake")
    .getOrCreate()
)
session.sql("CREATE TABLE lake.market.rows (value BIGINT, timestamp TIMESTAMP) USING iceberg")
rows = session.readStream.format("rate-micro-batch").option("rowsPerBatch", 7).load()
query = (
    rows.select("value", "timestamp")
    .writeStream.format("iceberg")
    .option("checkpointLocation", "/tmp/checkpoint")
    .toTable("lake.market.rows")
)
while not (query.lastProgress or {}).get("batchId", 0) >= 2:
    assert query.isActive, query.exception()
    query.awaitTermination(0.2)
query.stop()
print(session.sql("SELECT count(*) = count(DISTINCT value) FROM lake.market.rows").first()[0])
# Kafka's source is there, though nothing answers.
session.read.format("kafka")
"""
    local = ("--env=SPARK_LOCAL_HOSTNAME=127.0.0.1", "--env=SPARK_LOCAL_IP=127.0.0.1")
    room = ("--memory=1200m", "--memory-swap=1200m")
    assert (
        run(built["streaming"], PYTHON, "-c", script, options=(*local, *room)).split()[-1] == "True"
    )


@pytest.mark.parametrize(
    ("target", "script"),
    [
        ("ingest", "import ingest.__main__, ingest.producer, ingest.simulator, confluent_kafka"),
        ("setup", "import infra.jobs.store, infra.jobs.topics, infra.jobs.tables"),
        ("console", "import serving.console.__main__, serving.console.child"),
        ("serving", "import serving.market, serving.lake, serving.charts, streamlit"),
    ],
)
def test_an_image_of_ours_can_import_all_that_it_runs(target, script, built):
    run(built[target], PYTHON, "-W", "error::ImportWarning", "-c", script)


@pytest.mark.parametrize("target", ["console", "serving"])
def test_duckdbs_extensions_are_in_the_images_that_read_the_lake(target, built):
    script = """
import duckdb, pathlib, serving.attach
connection = duckdb.connect()
for name in ("avro", "httpfs", "iceberg"):
    module = __import__(f"duckdb_extension_{name}")
    (path,) = pathlib.Path(module.__path__[0]).rglob(f"{name}.duckdb_extension")
    connection.execute(f"LOAD '{path}'")
print(connection.execute("SELECT count(*) FROM duckdb_extensions() WHERE loaded").fetchone()[0])
"""
    assert int(run(built[target], PYTHON, "-c", script)) >= 3


def test_the_console_listens(start):
    token = "--env=TAPEHOUSE_CONSOLE_TOKEN=a-token"
    name = start("console", PYTHON, "-m", "serving.console", options=(token,))
    becomes_healthy(name, *PROBE, "port", "8791")


def test_the_page_is_served(start):
    command = ("-m", "streamlit", "run", "/opt/tapehouse/serving/server.py", "--server.port=8501")
    name = start("serving", PYTHON, *command)
    becomes_healthy(name, *PROBE, "http", "http://127.0.0.1:8501/_stcore/health")


def test_a_secret_reaches_the_command_and_those_that_enter_later_but_not_inspect(start, tmp_path):
    name = deliver(
        start,
        tmp_path,
        {"secrets/CANARY": "canary-4711"},
        ("ingest", "sh", "-c", "echo $CANARY; sleep 60"),
        (),
    )
    entered = docker("exec", name, *LAUNCH, "sh", "-c", "echo $CANARY")
    assert entered.strip() == "canary-4711"
    assert docker("logs", name).strip() == "canary-4711"
    assert "canary-4711" not in docker("inspect", name)


def test_a_job_that_ended_well_is_seen_healthy_before_it_ends(start):
    name = start(
        "ingest",
        "true",
        options=(
            "--env=TAPEHOUSE_JOB=1",
            f"--health-cmd={' '.join(PROBE)} job",
            "--health-interval=1s",
        ),
    )
    seen, deadline = set(), time.monotonic() + 60
    state = {"Status": "running"}
    while state["Status"] == "running" and time.monotonic() < deadline:
        (found,) = json.loads(docker("inspect", name))
        state = found["State"]
        seen.add(state["Health"]["Status"])
        time.sleep(0.5)
    assert "healthy" in seen
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)


def test_certificates_of_ones_own_network_are_trusted(built):
    # Every image is built with those of this machine; where it has none, there is nothing to see.
    certificates = [
        data for path, data in build_context("proxy").files.items() if path.endswith(".crt")
    ]
    if not certificates:
        pytest.skip("this machine trusts no authorities of its own")
    bundle = run(built["proxy"], "cat", "/etc/ssl/certs/ca-certificates.crt")
    for data in certificates:
        body = data.decode().split("-----")[2]
        assert "".join(body.split()) in "".join(bundle.split())
