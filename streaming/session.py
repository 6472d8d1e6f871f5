# ruff: noqa: SLF001 (PySpark has no public way to its gateway)
"""The one place where a Spark session is opened and closed.

PySpark puts whatever it launches the JVM with on a command line that every user of the machine can
read, so only harmless settings go there; the rest, secrets among them, is handed over through the
gateway once the JVM is up.
"""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from py4j.java_gateway import JavaGateway
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from catalog.errors import InstallError, ServiceError
from catalog.logs import get_logger
from catalog.settings import LakeSettings
from streaming.settings import StreamingSettings

CATALOG = "lake"
_STOP_SECONDS = 10
_WORKER_SECONDS = 90
_HADOOP_PARTS = ("core", "mapred", "yarn")

log = get_logger("streaming.session")


@contextmanager
def open_session(
    settings: StreamingSettings,
    lake: LakeSettings,
    keep_open: Sequence[int] = (),
    stopping: threading.Event | None = None,
) -> Iterator[SparkSession]:
    """A Spark session whose catalog `lake` is the REST catalog; its JVM ends with the block.

    The JVM inherits the file descriptors in `keep_open`: a lock held by one of them outlives a
    killed Python for as long as its JVM may still write. Once `stopping` is set the JVM's words go
    to the debug log: it complains at length about queries that are interrupted on purpose. One
    session a process at a time. Raises InstallError without jars, ServiceError when Spark does not
    start.
    """
    _require_jars(settings.jars)
    scratch = Path(tempfile.mkdtemp(prefix="tapehouse-spark-"))
    try:
        gateway = _launch(settings, scratch, keep_open)
        _forward_output(gateway, stopping or threading.Event())
        try:
            yield _connect(gateway, settings, lake, scratch)
        finally:
            _close(gateway)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


_JVM_OPTIONS = (
    # The smallest collector: the pauses of a small heap stay far below a trigger.
    "-XX:+UseSerialGC",
    "-XX:MaxMetaspaceSize=320m",
    "-XX:ReservedCodeCacheSize=160m",
    "-XX:-UsePerfData",
    "-Duser.timezone=UTC",
    "-Djava.net.preferIPv4Stack=true",
)


def launch_conf(settings: StreamingSettings, scratch: Path) -> dict[str, str]:
    """What the JVM must know at launch. It shows in the process list: no secret may enter."""
    jars = f"{settings.jars.resolve()}/*"
    return {
        "spark.master": settings.master,
        "spark.app.name": "tapehouse",
        "spark.driver.memory": settings.memory,
        "spark.driver.extraClassPath": jars,
        "spark.executor.extraClassPath": jars,
        "spark.driver.extraJavaOptions": (
            f"{' '.join(_JVM_OPTIONS)} -Djava.io.tmpdir={scratch} -Dderby.system.home={scratch}"
        ),
    }


def session_conf(settings: StreamingSettings, lake: LakeSettings, scratch: Path) -> dict[str, str]:
    """What the session is set up with. Holds the lake's secrets: never log it."""
    return {
        "spark.driver.host": settings.driver_host,
        "spark.driver.bindAddress": settings.driver_bind,
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.redaction.regex": "(?i)secret|password|token|credential|access[.-]?key|jaas",
        # Stream, slower query and care share the same few cores; none may starve another.
        "spark.scheduler.mode": "FAIR",
        "spark.scheduler.allocation.file": (scratch / "fairscheduler.xml").as_uri(),
        **_MICRO_BATCH,
        **(_cluster_conf(settings) if settings.on_cluster else {}),
        **_catalog_conf(lake),
    }


def _cluster_conf(settings: StreamingSettings) -> dict[str, str]:
    """What executors elsewhere need. Whoever reached Spark's ports unasked could run code there."""
    secret = settings.cluster_secret.get_secret_value()
    secured = {
        "spark.authenticate": "true",
        "spark.authenticate.secret": secret,
        "spark.network.crypto.enabled": "true",
    }
    return {
        "spark.driver.port": str(settings.driver_port),
        "spark.driver.blockManager.port": str(settings.block_port),
        "spark.executor.memory": settings.executor_memory,
        "spark.executor.extraJavaOptions": " ".join(_JVM_OPTIONS),
        **(secured if secret else {}),
    }


# A micro-batch of some hundred rows is all overhead: each line takes some of it away.
_MICRO_BATCH = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.locality.wait": "0s",
    "spark.sql.codegen.cache.maxEntries": "1000",
    "spark.sql.streaming.numRecentProgressUpdates": "2",
    "spark.sql.streaming.minBatchesToRetain": "20",
    "spark.sql.streaming.noDataProgressEventInterval": "2000",
    "spark.sql.streaming.pollingDelay": "20ms",
    # The default one starts a process for every file it renames, where Hadoop has no native part.
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    "spark.sql.ui.retainedExecutions": "5",
    "spark.ui.retainedJobs": "5",
    "spark.ui.retainedStages": "5",
    "spark.ui.retainedTasks": "50",
}


def _catalog_conf(lake: LakeSettings) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG}"
    properties = lake.catalog_properties()
    renamed = {"s3.region": "client.region"}
    conf = {f"{prefix}.{renamed.get(name, name)}": value for name, value in properties.items()}
    return {
        "spark.sql.extensions": (
            "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        ),
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": "rest",
        f"{prefix}.rest.auth.type": "oauth2"
        if {"token", "credential"} & properties.keys()
        else "none",
        f"{prefix}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        # A plain token is for good; without this the client would try to trade it in for another.
        f"{prefix}.token-refresh-enabled": str("token" not in properties).lower(),
        # Said outright, even where nobody asks there: the client complains in every session else.
        f"{prefix}.oauth2-server-uri": lake.oauth2_endpoint,
        # The stream's own table object must see what care commits, and the other way round.
        f"{prefix}.cache-enabled": "false",
        f"{prefix}.rest-metrics-reporting-enabled": "false",
        **conf,
    }


def small_session(session: SparkSession) -> SparkSession:
    """A second session for small, varied work: compiling its plans costs more than running them."""
    small = session.newSession()
    small.conf.set("spark.sql.codegen.wholeStage", "false")
    small.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    return small


def _require_jars(folder: Path) -> None:
    if not any(folder.glob("iceberg-spark-runtime-*.jar")):
        raise InstallError(
            f"There is no Iceberg runtime for Spark in {folder}: the job cannot start. Run `make"
            " setup`, or point TAPEHOUSE_SPARK_JARS at the folder that holds Spark's jars."
        )


def _launch(settings: StreamingSettings, scratch: Path, keep_open: Sequence[int]) -> JavaGateway:
    for name in ("log4j2.properties", "fairscheduler.xml"):
        text = resources.files("streaming").joinpath("conf", name).read_text()
        (scratch / name).write_text(text)
    # Iceberg makes a new Hadoop configuration for every file it writes, and each one reads all of
    # these: the defaults have 1,332 entries, none of which is used here, and a file that is not
    # there is looked for in every jar. The folder is first on the path.
    for part in _HADOOP_PARTS:
        for kind in ("default", "site"):
            (scratch / f"{part}-{kind}.xml").write_text("<configuration/>")
    conf = SparkConf(loadDefaults=False)
    conf.setAll(list(launch_conf(settings, scratch).items()))
    process = {
        # Out of the terminal's process group: Ctrl-C is for Python, which stops the JVM.
        "start_new_session": True,
        "pass_fds": tuple(keep_open),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
    }
    try:
        with _environment(
            SPARK_CONF_DIR=str(scratch),
            SPARK_LOCAL_DIRS=str(scratch),
            SPARK_LOCAL_IP=settings.driver_bind,
        ):
            gateway: JavaGateway = launch_gateway(conf, process)  # type: ignore[no-untyped-call]
    except (PySparkException, OSError) as error:
        raise ServiceError(
            f"Spark's JVM did not start ({error}). Is there a Java 17 or 21? `tapehouse doctor`"
            " tells."
        ) from error
    return gateway


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Spark's scripts take these from the environment only; the block's end puts back what was."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name)
            if name in before:
                os.environ[name] = before[name]


def _forward_output(gateway: JavaGateway, stopping: threading.Event) -> None:
    """Pass the JVM's own output through our log, and so through its redactor."""

    def forward() -> None:
        with gateway.proc.stdout as output:
            for line in output:
                write = log.debug if stopping.is_set() else log.warning
                write("jvm", line=line.decode(errors="replace").rstrip())

    threading.Thread(target=forward, name="jvm output", daemon=True).start()


def _connect(
    gateway: JavaGateway, settings: StreamingSettings, lake: LakeSettings, scratch: Path
) -> SparkSession:
    SparkContext._ensure_initialized(gateway=gateway)
    conf = SparkConf(loadDefaults=True, _jvm=gateway.jvm)
    conf.setAll(list(session_conf(settings, lake, scratch).items()))
    session = SparkSession(SparkContext(conf=conf, gateway=gateway))
    if settings.on_cluster:
        _await_worker(session)
    return session


def _await_worker(session: SparkSession) -> None:
    """Return when a worker took work: a job that has none must not be taken for ready.

    A master that has just been restarted still knows the job that was here before, and passes over
    the one that now calls from its address, for ever: only another start gets it a worker.
    """
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(session.range(1).count)
        try:
            counting.result(_WORKER_SECONDS)
        except TimeoutError:
            session.sparkContext.cancelAllJobs()
            raise ServiceError(
                f"Spark's master gave the job no worker within {_WORKER_SECONDS} s: the job starts"
                " again. If it does not help, look at the workers' logs, and at their memory."
            ) from None


def _close(gateway: JavaGateway) -> None:
    """Stop Spark and its JVM; a JVM that does not end by itself is killed."""
    process = gateway.proc
    context = SparkContext._active_spark_context
    try:
        if context is not None and process.poll() is None:
            context.stop()
    except Exception as error:  # noqa: BLE001 (the JVM may be gone already: then nothing is left to stop)
        log.warning("spark_not_stopped", error=str(error))
    finally:
        SparkContext._gateway = None
        SparkContext._jvm = None
        SparkContext._active_spark_context = None
        SparkSession._instantiatedSession = None
        gateway.shutdown()
        process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
