"""The Alerts page over a real instance: asked for, fired, shown, kept, and of a past moment."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from serving.view import PageName
from tests.support.site import Site, said_on, visit

pytestmark = [pytest.mark.browser, pytest.mark.screen]


def rows_of(page: Page, label: str) -> Locator:
    return page.get_by_role("table", name=label).get_by_role("row")


def ask_for_price(page: Page, value: float) -> Locator:
    """Ask for an alert on AAPL's price; returns its row."""
    field = page.get_by_role("spinbutton", name="Price")
    field.fill(f"{value}")
    field.press("Enter")
    page.get_by_role("button", name="Add", exact=True).click()
    row = rows_of(page, "Alerts").filter(has_text=f"AAPL crosses {value:,.10g}")
    expect(row).to_contain_text("armed")
    return row


def test_an_alert_fires_shows_and_is_taken_away(page: Page, site: Site) -> None:
    site.send("AAPL", 240.0)
    visit(page, site.url, PageName.ALERTS)
    expect(page.get_by_text("Webhook off.")).to_be_visible()
    row = ask_for_price(page, 245.5)
    expect(row).to_contain_text("at 240")
    site.send("AAPL", 246.0)
    expect(rows_of(page, "Fired").filter(has_text="AAPL went from 240 to 246")).to_have_count(1)
    row.get_by_role("button", name=re.compile("^Pause")).click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name=re.compile("^Resume")).click()
    expect(row).to_contain_text("armed")
    row.get_by_role("button", name=re.compile("^Delete")).click()
    expect(row).to_have_count(0)
    expect(rows_of(page, "Fired").filter(has_text="AAPL crosses 245.5")).to_have_count(1)


def test_what_fires_is_told_on_every_page(page: Page, site: Site) -> None:
    site.send("AAPL", 250.0)
    visit(page, site.url, PageName.ALERTS)
    ask_for_price(page, 255.25)
    page.get_by_role("link", name="Market", exact=True).click()
    expect(page.get_by_role("link", name="Market", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    page.wait_for_timeout(6000)
    site.send("AAPL", 256.0)
    expect(page.get_by_test_id("stToast").first).to_contain_text("AAPL crosses 255.25")


def test_alerts_are_watched_while_no_page_is_open(page: Page, site: Site) -> None:
    site.send("AAPL", 260.0)
    visit(page, site.url, PageName.ALERTS)
    ask_for_price(page, 262.75)
    page.wait_for_timeout(2000)
    page.goto("about:blank")
    site.send("AAPL", 263.0)
    page.wait_for_timeout(3000)
    visit(page, site.url, PageName.ALERTS)
    expect(rows_of(page, "Fired").filter(has_text="AAPL crosses 262.75")).to_have_count(1)


def test_a_past_moment_has_the_alerts_of_then(page: Page, site: Site) -> None:
    before = site.send("AAPL", 270.0)
    visit(page, site.url, PageName.ALERTS)
    ask_for_price(page, 271.5)
    after = site.send("AAPL", 272.0)
    expect(rows_of(page, "Fired").filter(has_text="271.5")).to_have_count(1)
    visit(page, site.url, PageName.ALERTS, f"symbol=AAPL&as_of={before}")
    expect(page.get_by_text("A past moment.")).to_be_visible()
    said = said_on(page)
    assert "crosses 271.5" not in said
    assert "AAPL went from 270" not in said
    expect(page.get_by_role("button", name="Add", exact=True)).to_have_count(0)
    visit(page, site.url, PageName.ALERTS, f"symbol=AAPL&as_of={after}")
    expect(rows_of(page, "Alerts").filter(has_text="271.5")).to_have_count(1)
    expect(page.get_by_role("button", name=re.compile("^Delete: AAPL"))).to_have_count(0)


def test_what_cannot_be_asked_for_says_why(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.ALERTS, "symbol=NOSUCH&interval=1m")
    page.get_by_role("combobox", name="Tell me of").click()
    page.get_by_role("option", name="Percent move").click()
    expect(page.get_by_role("combobox", name="Within")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).click()
    row = rows_of(page, "Alerts").filter(has_text="NOSUCH moves 1 % within 1 min")
    expect(row).to_contain_text("no trade yet")
    row.get_by_role("button", name=re.compile("^Delete")).click()
    expect(row).to_have_count(0)


def test_a_saved_view_is_opened_where_it_was(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.ALERTS, "symbol=AAPL&interval=15m")
    page.get_by_role("textbox", name="Save a view as").fill("fifteen <b>minutes</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    row = rows_of(page, "Saved views").filter(has_text="fifteen <b>minutes</b>")
    expect(row).to_contain_text("symbol AAPL, interval 15m")
    visit(page, site.url, PageName.ALERTS, "symbol=AAPL&interval=1m")
    row.get_by_role("button", name=re.compile("^Open")).click()
    expect(page).to_have_url(re.compile(r"symbol=AAPL&interval=15m"))
    expect(page.get_by_role("link", name="Market", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    page.go_back()
    row.get_by_role("button", name=re.compile("^Delete")).click()
    expect(row).to_have_count(0)
