"""`tapehouse sql`, asked in a container that is this machine: its gate, its limits, its files."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator

import psutil
import pytest
from pyarrow import parquet

from catalog.settings import environment_of
from tests.infra.test_stack_commands import TAPEHOUSE, tapehouse
from tests.support.fake_docker import container, install
from tests.support.instance import wait_until
from tests.support.stand_in_catalog import SECRETS, stand_in_catalog

Ask = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="module")
def lake() -> Iterator[dict[str, str]]:
    with stand_in_catalog() as catalog:
        yield environment_of(catalog.settings())


@pytest.fixture
def ask(tmp_path, lake) -> Ask:
    stack = install(tmp_path, [container("console")])

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return tapehouse(
            tmp_path, "--stack", "dev", "sql", *arguments, **stack, **lake, **environment
        )

    return run


def test_it_answers_from_a_process_of_its_own(ask):
    done = ask("SELECT 41 + 1 AS answer, 'é' AS word", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"answer": 42, "word": "é"}]
    assert not done.stderr


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM read_text('/etc/passwd')", "read_text is not allowed"),
        ("SELECT 1; SELECT 2", "One statement at a time"),
        ("ATTACH '/tmp/a.db'", "ATTACH is not allowed"),
        ("SELEC 1", "syntax error"),
    ],
)
def test_the_gate_stands_before_it(ask, sql, words):
    done = ask(sql)
    assert done.returncode == 9
    assert words in done.stderr
    assert not done.stdout
    assert not any(secret.rpartition(":")[2] in done.stderr for secret in SECRETS.values())


def test_a_query_that_takes_too_long_is_stopped(ask):
    done = ask("SELECT count(*) FROM range(1000000000000) t(i) WHERE i % 3 = 1", "--timeout", "0.5")
    assert done.returncode == 9
    assert "longer than 0.5 s" in done.stderr


def test_ctrl_c_ends_the_query_and_its_processes(tmp_path, lake):
    stack = install(tmp_path, [container("console")])
    with subprocess.Popen(
        [
            TAPEHOUSE,
            "--stack",
            "dev",
            "sql",
            "SELECT count(*) FROM range(1000000000000) WHERE range % 3 = 1",
        ],
        cwd=tmp_path,
        env={**os.environ, **stack, **lake},
        stderr=subprocess.PIPE,
    ) as command:
        # The pretended docker command, which is the asker inside, and the query's own process.
        wait_until(lambda: len(family(command.pid)) >= 2, 50, "the query's process")
        started = family(command.pid)
        command.send_signal(signal.SIGINT)
        assert command.wait(20) == 130
    wait_until(lambda: not any(one.is_running() for one in started), 20, "the end of the query")


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_an_answer_that_is_cut_says_so_and_what_allows_more(ask):
    done = ask("SELECT * FROM range(100)", "--rows", "3", "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.split() == ["range", "0", "1", "2"]
    assert "Cut after 3 rows: --rows" in done.stderr
    wide = ask("SELECT repeat('x', 1000) FROM range(100000)", TAPEHOUSE_CONSOLE_MEGABYTES="1")
    assert "TAPEHOUSE_CONSOLE_MEGABYTES allows more" in wide.stderr


def test_an_answer_goes_to_a_file_of_the_format_that_its_name_says(ask, tmp_path):
    done = ask("SELECT range AS n FROM range(10)", "--output", str(tmp_path / "n.parquet"))
    assert done.returncode == 0, done.stderr
    assert "10 rows written" in done.stderr
    assert not done.stdout
    assert parquet.read_table(tmp_path / "n.parquet")["n"].to_pylist() == list(range(10))
    refused = ask("SELECT 1", "--output", str(tmp_path / "n.xls"))
    assert refused.returncode == 9
    assert ".parquet" in refused.stderr


def test_unsafe_goes_with_a_home_and_without_limits(ask):
    done = ask("SELECT 1", "--unsafe")
    assert done.returncode == 2
    assert "--unsafe runs the query in this process" in done.stderr


def test_a_stack_without_a_console_says_what_is_missing(tmp_path, lake):
    stack = install(tmp_path, [container("dashboard")])
    done = tapehouse(tmp_path, "--stack", "dev", "sql", "SELECT 1", **stack, **lake)
    assert done.returncode == 4
    assert "no container of console" in done.stderr
