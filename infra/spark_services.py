"""Spark's own cluster: a master, and the workers in which the job's executors run."""

from infra.health import HttpCheck, Running
from infra.probes import http_probe
from infra.proxy_config import forward_config
from infra.service import File, Service, Site

# A worker's container holds a small JVM that waits for work beside the executor, and an executor
# needs about so much beyond its heap (classes, compiled code, buffers).
_BESIDE_EXECUTOR_HEAP_MB = 832
# The driver: Python, and the JVM's own needs.
_BESIDE_DRIVER_HEAP_MB = 768
_DAEMON_MB = 192
_CORES = 2


def master_url(site: Site) -> str:
    """What jobs and workers call."""
    return f"spark://{site.address('spark-master.rpc')}"


def executor_memory(site: Site) -> str:
    """The heap of an executor, as Spark writes it."""
    return f"{site.memory['worker'] - _BESIDE_EXECUTOR_HEAP_MB}m"


def driver_memory(site: Site) -> str:
    """The heap of the job's driver."""
    return f"{site.memory['stream'] - _BESIDE_DRIVER_HEAP_MB}m"


def job_settings(site: Site, external_master: str | None, secret: str) -> dict[str, str]:
    """What the job must know to run on the cluster, or on one that is not ours."""
    return {
        "TAPEHOUSE_SPARK_BLOCK_PORT": str(site.ports["stream.blocks"]),
        "TAPEHOUSE_SPARK_DRIVER_BIND": site.bind,
        "TAPEHOUSE_SPARK_DRIVER_HOST": site.hosts["stream"],
        "TAPEHOUSE_SPARK_DRIVER_PORT": str(site.ports["stream.driver"]),
        "TAPEHOUSE_SPARK_EXECUTOR_MEMORY": executor_memory(site),
        "TAPEHOUSE_SPARK_MASTER": external_master or master_url(site),
        "TAPEHOUSE_SPARK_MEMORY": driver_memory(site),
        "TAPEHOUSE_SPARK_SECRET": secret,
    }


def spark_master(site: Site, secret: str) -> Service:
    """Hands the workers to the job. What it knows is kept: killed, it takes up where it was."""
    folder = site.data / "spark-master"
    recovery = {
        "spark.deploy.recoveryMode": "FILESYSTEM",
        "spark.deploy.recoveryDirectory": str(folder),
        # However often executors die, it is for the job to give up.
        "spark.deploy.maxExecutorRetries": "-1",
        "spark.worker.timeout": "20",
    }
    return Service(
        name="spark-master",
        command=(
            *_spark_class(site, "master.Master"),
            *("--host", site.hosts["spark-master"]),
            *("--port", str(site.ports["spark-master.rpc"])),
            *("--webui-port", str(site.ports["spark-master.console"])),
        ),
        health=HttpCheck(f"{site.url('spark-master.console')}/json/"),
        memory_mb=site.memory["spark-master"],
        environment=_environment(site),
        files=_files(site, "spark-master", secret, recovery),
        folders=(folder,),
        ports=("spark-master.rpc", "spark-master.console"),
        grace_seconds=6,
        image="spark",
        networks=("data",),
        probe=http_probe(f"{site.loopback_url('spark-master.console')}/json/", wants="status"),
        scratch_mb=64,
        scratch_exec=True,
    )


def spark_worker(site: Site, secret: str, number: int) -> Service:
    """Runs one executor of the job, which has all of its memory."""
    name = f"spark-worker-{number}"
    folder = site.data / "spark-worker"
    housekeeping = {
        "spark.worker.cleanup.enabled": "true",
        "spark.worker.cleanup.interval": "600",
        "spark.worker.cleanup.appDataTtl": "3600",
    }
    return Service(
        name=name,
        command=(
            *_spark_class(site, "worker.Worker"),
            *("--host", name),
            *("--port", str(site.ports["spark-worker.rpc"])),
            *("--webui-port", str(site.ports["spark-worker.console"])),
            *("--cores", str(_CORES)),
            *("--memory", executor_memory(site)),
            *("--work-dir", str(folder)),
            master_url(site),
        ),
        health=Running(),
        memory_mb=site.memory["worker"],
        # Shuffled data is for the disk; /tmp would take it from the memory.
        environment={**_environment(site), "SPARK_LOCAL_DIRS": str(folder)},
        files=_files(site, name, secret, housekeeping),
        folders=(folder,),
        ports=("spark-worker.rpc", "spark-worker.console"),
        needs=("spark-master",),
        grace_seconds=6,
        image="spark",
        networks=("data",),
        probe=http_probe(f"{site.loopback_url('spark-worker.console')}/json/", wants="masterurl"),
        scratch_mb=128,
        scratch_exec=True,
        role="worker",
    )


def spark_ui(site: Site) -> Service:
    """Passes on the master's page, which is on an internal network, where no port can be opened."""
    configuration = site.files_of("spark-ui") / "nginx.conf"
    port = site.ports["spark-ui.page"]
    return Service(
        name="spark-ui",
        command=("nginx", "-e", "stderr", "-c", str(configuration)),
        health=Running(),
        memory_mb=site.memory["spark-ui"],
        files=(File(configuration, forward_config(port, site.address("spark-master.console"))),),
        ports=("spark-ui.page",),
        needs=("spark-master",),
        image="proxy",
        networks=("consoles", "data"),
        probe=http_probe(f"{site.loopback_url('spark-ui.page')}/json/"),
        publishes={port: 8080},
    )


def _spark_class(site: Site, name: str) -> tuple[str, str]:
    return (f"{site.spark}/bin/spark-class", f"org.apache.spark.deploy.{name}")


def _environment(site: Site) -> dict[str, str]:
    return {
        "SPARK_CONF_DIR": str(site.files),
        "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:-UsePerfData -Duser.timezone=UTC",
        "SPARK_DAEMON_MEMORY": f"{_DAEMON_MB}m",
        "SPARK_HOME": str(site.spark),
        "SPARK_NO_DAEMONIZE": "1",
    }


def _files(site: Site, name: str, secret: str, more: dict[str, str]) -> tuple[File, File]:
    """Who does not know the secret can neither join nor send work."""
    settings = {
        "spark.authenticate": "true",
        "spark.authenticate.secret": secret,
        "spark.network.crypto.enabled": "true",
        "spark.ui.killEnabled": "false",
        "spark.redaction.regex": "(?i)secret|password|token|credential|access[.-]?key|jaas",
        **more,
    }
    text = "".join(f"{key} {value}\n" for key, value in sorted(settings.items()))
    folder = site.files_of(name)
    return (File(folder / "spark-defaults.conf", text), File(folder / "log4j2.properties", LOGGING))


LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.target = SYSTEM_ERR
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n%ex{10}
logger.deploy.name = org.apache.spark.deploy
logger.deploy.level = info
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
"""
