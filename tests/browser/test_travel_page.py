import re

import pytest
from playwright.sync_api import Page, expect

from serving.view import PageName
from tests.support.site import Site, banner, grid_says, said_on, visit

pytestmark = [pytest.mark.browser, pytest.mark.screen]


@pytest.fixture(scope="module")
def two_commits(site: Site) -> tuple[int, int]:
    """Snapshots of which the second has two trades of DIFFSYM more."""
    first = site.send("DIFFSYM", 10.25)
    return first, site.send("DIFFSYM", 10.5, 10.75)


def test_the_strip_shows_the_kept_moments_and_goes_to_one(
    page: Page, site: Site, two_commits: tuple[int, int]
) -> None:
    visit(page, site.url, PageName.TRAVEL)
    chosen = page.locator(".strip .one[aria-current=true]")
    expect(chosen).to_have_attribute("aria-label", re.compile(r"^20.* UTC, append, "))
    page.locator(".strip .one").first.click()
    expect(banner(page)).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("Rows in all")
    expect(page.locator(".strip .one").first).to_have_attribute("aria-current", "true")


def test_a_moment_is_told_with_its_kind_rows_and_symbols(
    page: Page, site: Site, two_commits: tuple[int, int]
) -> None:
    visit(page, site.url, PageName.TRAVEL, f"as_of={two_commits[1]}")
    facts = page.locator(".facts")
    expect(facts).to_contain_text(str(two_commits[1]))
    expect(facts).to_contain_text(re.compile(r"Symbols.*DIFFSYM [12]"))
    expect(facts).to_contain_text("append")


def test_a_bookmark_is_a_tag_with_an_end_and_can_be_deleted(
    page: Page, site: Site, two_commits: tuple[int, int]
) -> None:
    visit(page, site.url, PageName.TRAVEL, f"as_of={two_commits[0]}")
    page.get_by_label("Bookmark this moment").fill("before-the-second")
    page.get_by_role("button", name="Bookmark", exact=True).click()
    expect(page.locator(".notice")).to_contain_text("before-the-second, kept until 20")
    expect(banner(page)).to_contain_text("tag before-the-second")
    listed = site.instance.cli("snapshots", "--format", "json")
    assert "before-the-second" in listed
    visit(page, site.url, PageName.MARKET, "as_of=before-the-second")
    expect(banner(page)).to_contain_text(f"snapshot {two_commits[0]}")
    visit(page, site.url, PageName.TRAVEL, f"as_of={two_commits[0]}")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(banner(page)).not_to_contain_text("before-the-second")
    assert "before-the-second" not in site.instance.cli("snapshots", "--format", "json")


def test_a_name_that_cannot_be_is_refused_with_the_reason(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.TRAVEL)
    page.get_by_label("Bookmark this moment").fill("<b>no</b>")
    page.get_by_role("button", name="Bookmark", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("'<b>no</b>' cannot be a tag")


def test_two_moments_are_compared_at_three_levels(
    page: Page, site: Site, two_commits: tuple[int, int]
) -> None:
    first, second = two_commits
    visit(page, site.url, PageName.TRAVEL, f"symbol=DIFFSYM&interval=1m&as_of={second}")
    page.get_by_label("From", exact=True).fill(str(first))
    page.get_by_label("From", exact=True).press("Enter")
    page.get_by_text("Only the chosen symbol").click()
    expect(page.get_by_text(re.compile("1 symbols"))).to_be_visible()
    grid_says(page, "DIFFSYM")
    page.get_by_role("radio", name="Trades").click()
    expect(page.get_by_text(re.compile("2 trades"))).to_be_visible()
    grid_says(page, "10.75")
    page.get_by_role("radio", name="Bars that changed").click()
    expect(page.get_by_text(re.compile(r"[12] bars"))).to_be_visible()
    assert "10.25" in said_on(page)


def test_what_is_later_than_the_moment_is_not_compared(
    page: Page, site: Site, two_commits: tuple[int, int]
) -> None:
    first, second = two_commits
    visit(page, site.url, PageName.TRAVEL, f"as_of={first}")
    page.get_by_label("To", exact=True).fill(str(second))
    page.get_by_label("To", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("later than the moment of this page")


def test_a_bar_tells_how_it_came_to_be_and_no_more_than_the_moment_knows(
    page: Page, site: Site, two_commits: tuple[int, int]
) -> None:
    first, second = two_commits
    visit(page, site.url, PageName.TRAVEL, f"symbol=DIFFSYM&interval=1d&as_of={second}")
    page.get_by_role("tab", name="History of a bar").click()
    grid_says(page, "added")
    grid_says(page, "10.75")
    visit(page, site.url, PageName.TRAVEL, f"symbol=DIFFSYM&interval=1d&as_of={first}")
    page.get_by_role("tab", name="History of a bar").click()
    grid_says(page, "10.25")
    assert "10.75" not in said_on(page)


def test_a_time_is_gone_to(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.TRAVEL)
    page.get_by_role("button", name="● Live").click()
    panel = page.get_by_role("dialog", name="Moment")
    panel.get_by_label("Moment").fill("2001-01-01 00:00:00")
    panel.get_by_role("button", name="Go").click()
    expect(page.get_by_role("alert")).to_contain_text("before the first commit")


def test_every_kept_moment_is_listed(page: Page, site: Site, two_commits: tuple[int, int]) -> None:
    visit(page, site.url, PageName.TRAVEL)
    page.get_by_role("tab", name="All kept moments").click()
    grid_says(page, "append")
    grid_says(page, "total_rows")
