import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SendTrade

pytestmark = pytest.mark.browser

_UPDATES = 20


def open_market(page: Page, url: str, query: str = "symbol=AAPL&interval=1m") -> Locator:
    """The page with its chart drawn; returns the chart."""
    page.goto(f"{url}/?{query}")
    chart = page.locator(".plot")
    expect(chart.locator(".main-svg").first).to_be_visible()
    return chart


def view(chart: Locator) -> list[Any]:
    """The range of time that the chart shows."""
    shown: list[Any] = chart.evaluate("plot => plot._fullLayout.xaxis.range.slice()")
    return shown


def drawn_version(page: Page) -> int:
    return int(page.locator(".root[data-version]").get_attribute("data-version") or 0)


def send_and_wait(page: Page, send_trade: SendTrade, price: float) -> None:
    before = drawn_version(page)
    send_trade("AAPL", price)
    page.wait_for_function(
        """before => {
            const find = (root) => {
                for (const one of root.querySelectorAll("*")) {
                    if (one.dataset?.version) return Number(one.dataset.version);
                    const found = one.shadowRoot && find(one.shadowRoot);
                    if (found) return found;
                }
            };
            return find(document) > before;
        }""",
        arg=before,
    )


def test_a_trade_that_was_sent_is_on_the_page(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    chart = open_market(page, dashboard_url)
    send_trade("AAPL", 231.17)
    expect(page.locator(".last")).to_have_text("231.17")
    expect(page.locator("tr[aria-current=true] td").nth(1)).to_have_text("231.17")
    expect(page.locator(".scroll .row").first).to_contain_text("231.17")
    expect(chart).to_have_attribute("aria-label", re.compile(r"C 231\.17"))
    expect(page.locator(".truth")).to_contain_text(
        re.compile(r"data complete to \d\d:\d\d:\d\d UTC")
    )
    expect(page.locator(".truth")).to_contain_text(re.compile(r"lag .* snapshot|snapshot \d+"))


def test_zoom_and_the_drawing_survive_updates(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    chart = open_market(page, dashboard_url)
    chart.evaluate("plot => { plot.dataset.same = 'yes'; }")
    first = view(chart)
    chart.hover()
    page.mouse.wheel(0, -600)
    expect(page.locator(".now")).to_be_visible()
    zoomed = view(chart)
    assert zoomed != first
    for update in range(_UPDATES):
        send_and_wait(page, send_trade, 230 + update / 100)
    assert view(chart) == zoomed
    assert chart.get_attribute("data-same") == "yes"
    expect(chart).to_have_count(1)
    page.locator(".now").click()
    expect(page.locator(".now")).to_be_hidden()
    assert view(chart) != zoomed


def test_a_link_reproduces_symbol_and_interval(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    send_trade("BINANCE:BTCUSDT", 97200.5)
    chart = open_market(page, dashboard_url, "symbol=BINANCE:BTCUSDT&interval=5m")
    expect(page.locator(".symbol").filter(has_text="BINANCE:BTCUSDT")).to_be_visible()
    expect(chart).to_have_attribute("aria-label", re.compile("^BINANCE:BTCUSDT, 5m candles"))
    page.get_by_role("button", name="AAPL", exact=True).click()
    expect(chart).to_have_attribute("aria-label", re.compile("^AAPL, 5m candles"))
    expect(page).to_have_url(re.compile("symbol=AAPL&interval=5m"))


def test_the_tape_stands_still_while_it_is_read(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    open_market(page, dashboard_url)
    tape = page.locator(".scroll")
    tape.evaluate("one => { one.scrollTop = 200; }")
    send_and_wait(page, send_trade, 232.5)
    expect(page.locator(".pill")).to_contain_text("new")
    assert tape.evaluate("one => one.scrollTop") == 200
    page.locator(".pill").click()
    expect(page.locator(".scroll .row").first).to_contain_text("232.50")
    expect(page.locator(".pill")).to_be_hidden()


def test_a_symbol_without_trades_says_so(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/?symbol=XYZ&interval=1m")
    expect(page.locator(".none strong").filter(has_text="No trade yet: XYZ")).to_be_visible()


def test_a_phone_shows_the_chart_first_and_nothing_sticks_out(
    page: Page, dashboard_url: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    chart = open_market(page, dashboard_url)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box, table = chart.bounding_box(), page.locator("table").bounding_box()
    assert box is not None
    assert table is not None
    assert box["y"] < table["y"]
    assert box["width"] > 360
