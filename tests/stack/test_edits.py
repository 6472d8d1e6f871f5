"""A change replaces what it touches, and nothing else."""

import json
from pathlib import Path

import pytest

from tests.support.instance import wait_until
from tests.support.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]


def test_other_tickers_replace_the_producer_alone(stack: Stack) -> None:
    assert stack.replaced_by({"tickers": "AAPL,MSFT,GOOG"}) == {"producer"}
    wait_until(
        lambda: stack.sql("SELECT 1 AS one FROM trades WHERE symbol = 'GOOG' LIMIT 1"),
        60,
        "trades of the new symbol",
        every=1,
    )


def test_tickers_come_from_the_environment_unless_the_config_has_them(stack: Stack) -> None:
    env = stack.project / ".env"
    env.write_text("FINNHUB_TICKERS=TSLA\n")
    try:
        assert stack.preview_without_changes().code == 0
        stack.configure({"tickers": ""})
        shown = _would_replace(stack)
        assert shown == {"producer"}
    finally:
        env.unlink()
        stack.configure({"tickers": "AAPL,MSFT,GOOG"})


def test_a_changed_source_of_the_dashboard_replaces_the_dashboard_alone(stack: Stack) -> None:
    _append(stack.project / "serving" / "bars.py", "\n# A change that a person made.\n")
    assert stack.replaced_by() == {"dashboard"}


def test_a_changed_source_of_ours_that_no_image_holds_replaces_nothing(stack: Stack) -> None:
    _append(stack.project / "infra" / "doctor.py", "\n# A change that a person made.\n")
    _append(stack.project / "README.md", "\nMore words.\n")
    done = stack.preview_without_changes()
    assert done.code == 0, done.text


def test_a_value_that_cannot_be_is_one_clear_error_before_anything_changes(stack: Stack) -> None:
    before = {one.id for one in stack.containers().values()}
    stack.configure({"workers": "0"})
    try:
        done = stack.up(check=False)
    finally:
        stack.configure({"workers": "1"})
    assert done.code != 0
    assert "workers is 0, and Spark needs at least one" in done.text
    assert "Traceback" not in done.text
    assert {one.id for one in stack.containers().values()} == before


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def _would_replace(stack: Stack) -> set[str]:
    shown = stack.pulumi("preview", "--json", "--stack", stack.name).out
    steps = json.loads(shown)["steps"]
    return {
        step["urn"].rpartition("::")[2]
        for step in steps
        if step["op"] != "same" and "docker:index/container:Container" in step["urn"]
    }
