"""What README shows to be typed, typed beside a running instance."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from catalog.trade import Trade
from tests.support.instance import wait_until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_the_python_example_reads_the_lake_of_the_running_home(instance, tmp_path):
    now = time.time_ns() // 1000
    key, value = Trade("README", now, 10.0, 1.0, None, now, "readme").to_message()
    producer = Producer({"bootstrap.servers": instance.broker_settings().server})
    producer.produce("stock-ticks", value, key)
    assert producer.flush(30) == 0
    counting = "SELECT count(*) FROM trades WHERE symbol = 'README'"
    wait_until(lambda: instance.lake_rows(counting) == [(1,)], 90, "the trade to be stored")

    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / ".tapehouse").symlink_to(instance.home)
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\d+ +README +1$", done.stdout, re.MULTILINE), done.stdout
