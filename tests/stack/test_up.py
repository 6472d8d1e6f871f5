"""`up` from nothing gives trades, on the command line and on the page; and a second one nothing."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from catalog.settings import DEFAULT_SYMBOLS
from tests.support.instance import wait_until
from tests.support.stack import ENGINE, Stack, assert_exactly_once

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


def test_trades_of_the_simulator_are_in_the_table(stack: Stack) -> None:
    rows = stack.sql("SELECT DISTINCT symbol FROM trades WHERE source = 'simulator'")
    assert {row["symbol"] for row in rows} >= set(DEFAULT_SYMBOLS)
    assert assert_exactly_once(stack) > 0


@pytest.mark.browser
def test_they_are_on_the_page(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.dashboard_url()}/?symbol=AAPL&interval=1m")
    expect(page.locator(".last")).to_have_text(re.compile(r"\d"))
    first = page.locator(".scroll .row").first
    expect(first).to_be_visible()
    before = first.inner_text()
    wait_until(lambda: first.inner_text() != before, 60, "a newer trade on the tape")


def test_the_outputs_say_what_is_active_and_what_to_do_next(stack: Stack) -> None:
    shown = stack.pulumi("stack", "output", "--json", "--stack", stack.name).out
    for word in (stack.dashboard_url(), "simulator", "minio", "ephemeral", "tapehouse --stack"):
        assert word in shown


def test_every_container_is_well_and_the_doctor_agrees(stack: Stack) -> None:
    assert all(one.is_good for one in stack.containers().values())
    assert all(one.health == "healthy" for one in stack.services().values())
    done = stack.cli("doctor")
    assert "FAILS" not in done.text


class TestNothingChanges:
    def test_after_up(self, stack: Stack) -> None:
        done = stack.preview_without_changes()
        assert done.code == 0, done.text

    def test_by_a_second_up(self, stack: Stack) -> None:
        assert stack.replaced_by() == set()

    def test_after_refresh(self, stack: Stack) -> None:
        stack.pulumi("refresh", "--yes", "--skip-preview", "--stack", stack.name)
        done = stack.preview_without_changes()
        assert done.code == 0, done.text

    def test_after_a_container_was_killed_and_its_policy_started_it_again(
        self, stack: Stack
    ) -> None:
        before = stack.containers()["simulator"]
        (found,) = ENGINE.inspect(before.id)
        os.kill(found["State"]["Pid"], signal.SIGKILL)
        wait_until(
            lambda: stack.containers()["simulator"].restarts > before.restarts,
            60,
            "the restart",
            every=1,
        )
        stack.wait_until_well()
        stack.pulumi("refresh", "--yes", "--skip-preview", "--stack", stack.name)
        done = stack.preview_without_changes()
        assert done.code == 0, done.text
        assert stack.containers()["simulator"].id == before.id
