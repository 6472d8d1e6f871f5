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
        shown = stack.pulumi("preview", "--json", "--stack", stack.name).out
        assert _changed(shown) == {"producer"}
    finally:
        env.unlink()
        stack.configure({"tickers": "AAPL,MSFT,GOOG"})


def test_a_token_of_the_environment_puts_finnhub_in_the_simulators_place(stack: Stack) -> None:
    canary = "canary-of-the-feed-token"
    env = stack.project / ".env"
    env.write_text(f"FINNHUB_API_TOKEN={canary}\n")
    try:
        done = stack.pulumi("preview", "--json", "--stack", stack.name)
    finally:
        env.unlink()
    assert _changed(done.out) == {"producer", "producer-files", "simulator", "simulator-files"}
    assert _changed(done.out, "delete") == {"simulator", "simulator-files"}
    assert canary not in done.text
    kept = [path for path in stack.home.rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if canary.encode() in path.read_bytes()] == []


def test_the_configs_token_wins_over_the_environments(make_stack) -> None:
    stack: Stack = make_stack("token")
    stack.init()
    (stack.project / ".env").write_text("FINNHUB_API_TOKEN=canary-of-the-environment\n")
    preview = ("preview", "--diff", "--stack", stack.name)
    assert "canary-of-the-environment" in stack.pulumi(*preview, "--show-secrets").text
    stack.configure({}, {"token": "canary-of-the-config"})
    shown = stack.pulumi(*preview, "--show-secrets").text
    assert "canary-of-the-config" in shown
    assert "canary-of-the-environment" not in shown
    assert "canary-of" not in stack.pulumi(*preview).text
    assert "canary-of" not in (stack.project / f"Pulumi.{stack.name}.yaml").read_text()


def test_a_changed_source_of_the_dashboard_replaces_the_dashboard_alone(stack: Stack) -> None:
    # Of the page: what reads the lake, such as bars.py, is in the console's image too.
    _append(stack.project / "serving" / "charts.py", "\n# A change that a person made.\n")
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


def _changed(preview: str, *operations: str) -> set[str]:
    """Containers that the preview's JSON would touch: in these ways, or in any."""
    return {
        step["urn"].rpartition("::")[2]
        for step in json.loads(preview)["steps"]
        if "docker:index/container:Container" in step["urn"]
        and (step["op"] in operations if operations else step["op"] != "same")
    }
