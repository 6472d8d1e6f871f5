"""`tapehouse sql` beside an instance of one's own: apart and behind the gate, or not."""

import subprocess

import pytest

from tests.support.instance import TAPEHOUSE, Instance

pytestmark = pytest.mark.integration


def ask(instance: Instance, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [TAPEHOUSE, "sql", *arguments, "--format", "csv", "--home", instance.home],
        cwd=instance.home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_query_reads_the_tables_and_no_more(instance):
    done = ask(instance, "SELECT count(*) >= 0 AS is_there FROM trades")
    assert done.stdout.split() == ["is_there", "True"], done.stderr
    refused = ask(instance, "SELECT current_setting('threads')")
    assert refused.returncode == 9
    assert "current_setting is not allowed" in refused.stderr


def test_unsafe_passes_the_gate_by_and_says_so(instance):
    done = ask(instance, "SELECT current_setting('threads') > 0 AS known", "--unsafe")
    assert done.stdout.split() == ["known", "True"], done.stderr
    assert "Unsafe: no gate and no limits" in done.stderr
    still = ask(instance, "DROP TABLE lake.market.trades", "--unsafe")
    assert still.returncode == 9
    assert "read-only" in still.stderr


def test_a_moment_is_asked_for_as_before(instance):
    done = ask(instance, "SELECT count(*) AS n FROM trades", "--as-of", "2001-01-01T00:00:00Z")
    assert done.returncode == 8
