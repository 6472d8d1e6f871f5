"""What is around every page: its link, its keys, its moment, its looks."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from serving.view import PageName
from tests.support.site import (
    Site,
    banner,
    overflow,
    said_on,
    serious_findings,
    visit,
    wait_until_said,
)

pytestmark = [pytest.mark.browser, pytest.mark.screen]

PAGES = list(PageName)
CANARY, CANARY_PRICE = "CANARY", 7321.77


def step_back(page: Page) -> None:
    page.locator("body").press("ArrowLeft")
    expect(banner(page)).to_be_visible()


@pytest.fixture(scope="module")
def before_canary(site: Site) -> int:
    """A snapshot that is followed by one with a trade that must be found nowhere."""
    before = site.send("AAPL", 230.25)
    site.send(CANARY, CANARY_PRICE)
    site.send("AAPL", CANARY_PRICE + 1)
    return before


@pytest.mark.parametrize("name", PAGES)
def test_a_past_moment_holds_on_every_page_and_nothing_newer_is_there(
    page: Page, site: Site, before_canary: int, name: PageName
) -> None:
    visit(page, site.url, name, f"symbol=AAPL&interval=1m&as_of={before_canary}")
    expect(banner(page)).to_contain_text(f"snapshot {before_canary}")
    said = said_on(page)
    for trace in (CANARY, "7,321.77", "7321.77", "7,322.77", "7322.77"):
        assert trace not in said
    assert page.evaluate("document.documentElement.dataset.moment") == "past"
    page.locator("body").press("l")
    expect(banner(page)).to_be_hidden()
    expect(page).not_to_have_url(re.compile("as_of"))


def test_the_moment_stays_from_page_to_page(page: Page, site: Site, before_canary: int) -> None:
    visit(page, site.url, PageName.MARKET, f"symbol=AAPL&interval=5m&as_of={before_canary}")
    for name in (*PAGES[1:], PageName.MARKET):
        page.get_by_role("link", name=name.label, exact=True).click()
        expect(page).to_have_url(re.compile(f"{name.path}.*as_of={before_canary}"))
        expect(page).to_have_url(re.compile("symbol=AAPL&interval=5m"))
        expect(banner(page)).to_contain_text(f"snapshot {before_canary}")


def test_arrows_step_through_the_kept_moments(page: Page, site: Site, before_canary: int) -> None:
    visit(page, site.url, PageName.MARKET)
    step_back(page)
    first = page.url
    expect(page).to_have_url(re.compile(r"as_of=\d+"))
    page.locator("body").press("ArrowLeft")
    expect(page).not_to_have_url(first)
    page.locator("body").press("ArrowRight")
    expect(page).to_have_url(first)
    page.locator("body").press("ArrowRight")
    expect(banner(page)).to_be_hidden()


def test_going_back_in_the_browser_goes_back_to_the_view(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.MARKET)
    page.get_by_role("button", name="15m", exact=True).click()
    expect(page).to_have_url(re.compile("interval=15m"))
    page.go_back()
    expect(page.get_by_role("button", name="1m", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_hostile_link_shows_as_text_and_falls_back(page: Page, site: Site) -> None:
    hostile = "%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D'owned'%22%3E"
    visit(page, site.url, PageName.MARKET, f"symbol={hostile}&interval=9m&as_of={hostile}")
    expect(page.locator(".notice").filter(has_text="<img src=x")).to_have_count(2)
    expect(page.locator(".notice").filter(has_text="9m")).to_be_visible()
    expect(page.get_by_role("button", name="1m", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    assert page.title() != "owned"


def test_a_moment_that_is_not_kept_offers_what_is(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.MARKET, "as_of=2001-01-01T00:00:00Z")
    expect(page.get_by_role("alert")).to_contain_text("before the first commit of trades")
    page.get_by_role("button", name=re.compile(r"^\d+ \(20")).first.click()
    expect(banner(page)).to_contain_text("snapshot")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_search_finds_a_symbol_and_keys_are_quiet_while_one_types(
    page: Page, site: Site
) -> None:
    site.send("LULU", 12.5)
    visit(page, site.url, PageName.MARKET)
    page.locator("body").press("/")
    search = page.get_by_role("combobox", name="Symbol", exact=True)
    expect(search).to_be_focused()
    page.keyboard.type("lu ?l")
    assert search.input_value() == "lu ?l"
    expect(banner(page)).to_be_hidden()
    expect(page).not_to_have_url(re.compile("paused"))
    search.fill("lul")
    expect(page.get_by_role("option")).to_have_text(["LULU"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("symbol=LULU"))
    expect(search).to_have_value("LULU")


def test_space_holds_the_page_still_and_lets_it_go_on(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.MARKET)
    expect(page.locator(".main-svg").first).to_be_visible()
    page.locator("body").press("Space")
    pause = page.get_by_role("button", name="Paused")
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("paused=1"))
    site.send("AAPL", 233.31)
    page.wait_for_timeout(3000)
    assert "233.31" not in said_on(page)
    page.locator("body").press("Space")
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "false")
    wait_until_said(page, "233.31")


def test_the_keys_are_listed(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.MARKET)
    page.locator("body").press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    for key in ("/", "space", "← →", "L", "?"):
        expect(keys.get_by_text(key, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_the_pair_of_colours_is_kept_by_the_browser(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.MARKET)
    usual = up(page)
    page.get_by_role("button", name="Colours that are told apart").click()
    assert up(page) != usual
    safe = up(page)
    page.reload()
    expect(page.get_by_role("button", name="Colours that are told apart")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert up(page) == safe


def up(page: Page) -> str:
    """The colour of a rise as the page has it."""
    colour: str = page.evaluate(
        """() => {
            const probe = document.querySelector(".stApp").appendChild(document.createElement("i"));
            probe.style.color = "var(--up)";
            const found = getComputedStyle(probe).color;
            probe.remove();
            return found;
        }"""
    )
    return colour


def test_another_theme_keeps_the_view(page: Page, site: Site, before_canary: int) -> None:
    query = f"symbol=AAPL&interval=5m&as_of={before_canary}"
    visit(page, site.url, PageName.MARKET, query)
    ground = background(page)
    page.get_by_test_id("stMainMenu").get_by_role("button").click()
    page.get_by_role("radio", name="Light").click()
    page.keyboard.press("Escape")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.stApp')).backgroundColor !== before",
        arg=ground,
    )
    light = background(page)
    expect(page).to_have_url(re.compile(re.escape(query)))
    expect(banner(page)).to_contain_text(f"snapshot {before_canary}")
    visit(page, site.url, PageName.TRAVEL)
    assert background(page) == light


def background(page: Page) -> str:
    colour: str = page.evaluate(
        "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    )
    return colour


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("mode", ["live", "past"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(
    page: Page, site: Site, before_canary: int, name: PageName, mode: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    past = f"&as_of={before_canary}" if mode == "past" else ""
    visit(page, site.url, name, f"symbol=AAPL&interval=1m{past}")
    assert serious_findings(page) == []


@pytest.mark.parametrize("mode", ["live", "past"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_on_a_phone(
    page: Page, site: Site, before_canary: int, name: PageName, mode: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    past = f"&as_of={before_canary}" if mode == "past" else ""
    visit(page, site.url, name, f"symbol=AAPL&interval=1m{past}")
    assert overflow(page) <= 0


def test_a_restarted_server_finds_the_view_where_it_was(browser: Browser, site: Site) -> None:
    # A page of its own: that the server is away is an error in the browser's console.
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    visit(page, site.url, PageName.MARKET, "symbol=AAPL&interval=5m")
    site.instance.stop_service("dashboard")
    site.instance.start_service("dashboard")
    site.send("AAPL", 234.56)
    wait_until_said(page, "234.56")
    expect(page).to_have_url(re.compile("symbol=AAPL&interval=5m"))
    expect(page.get_by_role("button", name="5m", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    page.close()
