"""The Market page, over a lake whose every row is the test's own."""

import re
import threading
import time
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import Locator, Page, expect

from catalog.schema import FEED_EVENTS
from serving.times import to_time
from tests.browser.conftest import SendTrade
from tests.support.local_lake import LocalLake, Row
from tests.support.site import overflow, said_on, serious_findings, settle, wait_until_said

pytestmark = pytest.mark.browser

UPDATES = 100
STILL_SECONDS = 60
MINUTE = 60_000_000
HOSTILE = "<b>X</b>'; DROP\x1b[1m"


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
    """Until the chart has drawn it."""
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


def now() -> int:
    return time.time_ns() // 1000


def test_a_trade_that_was_sent_is_in_every_panel(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    chart = open_market(page, dashboard_url)
    send_trade("AAPL", 231.17)
    expect(page.locator(".last")).to_have_text("231.17")
    expect(page.locator("tr[aria-current=true] td").nth(1)).to_have_text("231.17")
    expect(page.locator(".scroll .row").first).to_contain_text("231.17")
    expect(chart).to_have_attribute("aria-label", re.compile(r"C 231\.17"))
    truth = page.locator(".truth")
    expect(truth).to_contain_text(re.compile(r"data complete to \d\d:\d\d:\d\d UTC"))
    expect(truth).to_contain_text(re.compile(r"lag .*snapshot \d+"))
    expect(page.locator(".facts")).to_contain_text(re.compile(r"Trades/s\s*\d"))


def test_zoom_and_the_drawing_survive_updates_and_no_frame_is_blank(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    chart = open_market(page, dashboard_url)
    chart.evaluate(
        """plot => {
            plot.dataset.same = "yes";
            window.blank = 0;
            const look = () => {
                const candles = plot.querySelectorAll(".boxlayer path").length;
                if (!plot.isConnected || !candles || !plot.clientHeight) window.blank += 1;
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    first = view(chart)
    chart.hover()
    page.mouse.wheel(0, -600)
    expect(page.locator(".now")).to_be_visible()
    zoomed = view(chart)
    assert zoomed != first
    for update in range(UPDATES):
        send_and_wait(page, send_trade, 230 + update / 100)
    assert view(chart) == zoomed
    assert chart.get_attribute("data-same") == "yes"
    assert page.evaluate("window.blank") == 0
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
    watch_list(page).get_by_role("button", name="AAPL", exact=True).click()
    expect(chart).to_have_attribute("aria-label", re.compile("^AAPL, 5m candles"))
    expect(page).to_have_url(re.compile("symbol=AAPL&interval=5m"))


def watch_list(page: Page) -> Locator:
    return page.get_by_role("region", name="Watch list")


def test_a_link_reproduces_the_range_and_to_now_leaves_it(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    chart = open_market(page, dashboard_url)
    chart.focus()
    for _ in range(3):
        chart.press("ArrowLeft")
    expect(page).to_have_url(re.compile("range=20"))
    # Arrows are the chart's while it has the focus.
    expect(page).not_to_have_url(re.compile("as_of"))
    left = seconds_of(view(chart))
    page.reload()
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    expect(page.locator(".now")).to_be_visible()
    assert seconds_of(view(chart)) == pytest.approx(left, abs=0.01)
    send_and_wait(page, send_trade, 231.5)
    assert seconds_of(view(chart)) == pytest.approx(left, abs=0.01)
    page.locator(".now").click()
    expect(page).not_to_have_url(re.compile("range="))


def seconds_of(ends: list[Any]) -> list[float]:
    """Plotly keeps a range as numbers or as texts in UTC."""
    return [
        end / 1000
        if isinstance(end, int | float)
        else datetime.fromisoformat(f"{end}Z").timestamp()
        for end in ends
    ]


def test_the_crosshair_tells_of_the_bar_it_is_on(page: Page, dashboard_url: str) -> None:
    chart = open_market(page, dashboard_url)
    newest = page.locator(".legend").inner_text()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    legend = page.locator(".legend")
    expect(legend).not_to_have_text(newest)
    expect(legend).to_contain_text(
        re.compile(r"UTC · \d\d:\d\d New York.*O.*H.*L.*C.*Vol.*VWAP.*Trades", re.DOTALL)
    )


def test_the_tape_stands_still_for_a_minute_at_fifty_trades_a_second(
    page: Page, dashboard_url: str, browser_lake: LocalLake
) -> None:
    open_market(page, dashboard_url)
    tape = page.locator(".scroll")
    browser_lake.append([Row("AAPL", now() + n, 232 + n / 100, 1.0) for n in range(60)])
    expect(tape.locator(".row").first).to_contain_text("232.59")
    tape.evaluate(
        "one => new Promise((scrolled) => {"
        " one.addEventListener('scroll', () => scrolled(), { once: true }); one.scrollTop = 200; })"
    )
    before = shown_rows(tape)
    stop = threading.Event()

    def trade() -> None:
        while not stop.wait(0.5):
            browser_lake.append([Row("AAPL", now() + n, 233 + n / 100, 1.0) for n in range(25)])

    feed = threading.Thread(target=trade)
    feed.start()
    try:
        ends = time.monotonic() + STILL_SECONDS
        while time.monotonic() < ends:
            assert tape.evaluate("one => one.scrollTop") == 200
            assert shown_rows(tape) == before
            page.wait_for_timeout(2000)
    finally:
        stop.set()
        feed.join()
    pill = page.locator(".pill")
    waiting = int(re.sub(r"\D", "", pill.inner_text()))
    assert waiting > STILL_SECONDS * 20
    pill.click()
    expect(tape.locator(".row").first).to_contain_text("233.24")
    expect(pill).to_be_hidden()


def shown_rows(tape: Locator) -> list[str]:
    """The visible rows from the top, as read."""
    rows: list[str] = tape.evaluate(
        """tape => [...tape.querySelectorAll(".row")]
            .filter((row) => !row.hidden)
            .map((row) => [row.getBoundingClientRect().top, row.textContent])
            .sort(([a], [b]) => a - b)
            .map(([, text]) => text)"""
    )
    return rows


def test_the_tape_decodes_conditions_and_filters_by_size_symbol_and_largeness(
    page: Page, dashboard_url: str, browser_lake: LocalLake
) -> None:
    open_market(page, dashboard_url)
    at = now()
    usual = [Row("AAPL", at - 20 + n, 231.0, 2.0) for n in range(20)]
    browser_lake.append(
        [
            *usual,
            Row("AAPL", at, 231.0, 3.0, (1, 12)),
            Row("MSFT", at + 1, 500.0, 70.0, (8,)),
            Row("AAPL", at + 2, 231.0, 90_000.0, (999,)),
        ]
    )
    rows = page.locator(".scroll .row:visible")
    expect(rows.first).to_contain_text("code 999")
    expect(rows.nth(2)).to_contain_text("Odd lot")
    expect(rows.nth(2).locator("span").last).to_have_attribute(
        "title", re.compile(r"12 Odd lot \(not in open and close, high and low\)")
    )
    expect(rows.first).to_have_class(re.compile("large"))
    page.get_by_label("Symbols on the tape").select_option("AAPL")
    expect(rows.nth(1)).to_contain_text("Odd lot")
    page.get_by_label("Smallest size on the tape").fill("50000")
    expect(rows).to_have_count(1)
    page.get_by_label("Smallest size on the tape").fill("1e9")
    expect(page.get_by_text("passes the filters")).to_be_visible()
    page.get_by_label("Smallest size on the tape").fill("")
    page.get_by_label("Symbols on the tape").select_option("")
    page.get_by_label("large").check()
    expect(rows.first).to_contain_text("code 999")


def test_lines_and_profile_are_chosen_and_kept_by_the_browser(
    page: Page, dashboard_url: str
) -> None:
    chart = open_market(page, dashboard_url)
    for name in ("Averages", "Profile"):
        page.get_by_role("button", name=name, exact=True).click()
    expect(chart.locator(".annotation-text").filter(has_text="POC")).to_be_visible()
    expect(chart.locator(".annotation-text").filter(has_text="VAH")).to_be_visible()
    page.reload()
    expect(chart.locator(".annotation-text").filter(has_text="POC")).to_be_visible()
    assert chart.evaluate("plot => plot.data.map((trace) => trace.visible ?? true)") == [True] * 6
    page.get_by_role("button", name="Profile", exact=True).click()
    expect(chart.locator(".annotation-text").filter(has_text="POC")).to_have_count(0)


def test_a_gap_in_the_feed_is_drawn(
    page: Page, dashboard_url: str, browser_lake: LocalLake
) -> None:
    table = browser_lake.catalog.load_table(FEED_EVENTS.identifier)
    gap = {
        "kind": "gap",
        "symbol": None,
        "from_time": to_time(now() - 40 * MINUTE),
        "to_time": to_time(now() - 20 * MINUTE),
        "detail": "reconnected",
        "source": "test",
        "kafka_topic": "stock-ticks.feed-events",
        "kafka_partition": 0,
        "kafka_offset": 0,
    }
    table.append(pa.Table.from_pylist([gap], schema=table.schema().as_arrow()))
    chart = open_market(page, dashboard_url)
    expect(chart).to_have_attribute("aria-label", re.compile("Gaps in the feed: 1"))
    kinds = chart.evaluate("plot => plot.layout.shapes.map((shape) => shape.type)")
    assert kinds.count("rect") == 1
    expect(chart.get_by_text("gap in the feed", exact=True)).to_be_visible()


def test_the_chart_and_the_heat_map_are_also_tables(page: Page, dashboard_url: str) -> None:
    open_market(page, dashboard_url)
    page.get_by_role("button", name="Table").first.click()
    bars = page.get_by_role("region", name="Bars as a table")
    expect(bars.get_by_role("columnheader", name="VWAP")).to_be_visible()
    expect(bars.get_by_role("row").nth(3)).to_contain_text(re.compile(r"20\d\d-"))
    page.get_by_role("button", name="Table").last.click()
    heat = page.get_by_role("region", name="Heat map as a table")
    expect(heat.get_by_role("row", name=re.compile("AAPL"))).to_be_visible()


def test_movers_and_heat_map_lead_to_their_symbols(
    page: Page, dashboard_url: str, send_trade: SendTrade
) -> None:
    send_trade("BINANCE:ETHUSDT", 3900.5)
    chart = open_market(page, dashboard_url)
    page.get_by_role("button", name=re.compile("^BINANCE:ETHUSDT: traded")).click()
    expect(chart).to_have_attribute("aria-label", re.compile("^BINANCE:ETHUSDT, 1m candles"))
    movers = page.get_by_role("region", name="Movers")
    movers.get_by_role("button", name="AAPL", exact=True).click()
    expect(chart).to_have_attribute("aria-label", re.compile("^AAPL, 1m candles"))
    page.get_by_role("button", name="5 min", exact=True).click()
    expect(page.get_by_role("button", name="5 min", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_bar_leads_to_its_history(page: Page, dashboard_url: str) -> None:
    chart = open_market(page, dashboard_url)
    page.get_by_role("button", name="History of the bar").click()
    expect(page).to_have_url(re.compile(r"/travel\?.*bar=20"))
    expect(chart).to_have_count(0)


def test_a_past_moment_holds_in_every_panel(
    page: Page, dashboard_url: str, browser_lake: LocalLake, send_trade: SendTrade
) -> None:
    before = browser_lake.append([Row("AAPL", now(), 230.25, 1.0)])
    browser_lake.append([Row("AAPL", now(), 7321.77, 1.0), Row("CANARY", now(), 1.0, 1.0)])
    chart = open_market(page, dashboard_url, f"symbol=AAPL&interval=1m&as_of={before}")
    settle(page)
    expect(page.locator(".badge")).to_have_text("AS OF")
    expect(page.locator(".last")).to_have_text("230.25")
    highs = chart.evaluate("plot => Math.max(...plot.data[0].high.filter((high) => high === high))")
    assert highs < 7000
    said = said_on(page)
    for trace in ("CANARY", "7,321.77", "7321.77"):
        assert trace not in said
    # Whatever the tape was scrolled to, another moment is no news of it.
    page.locator("body").press("l")
    wait_until_said(page, "CANARY")
    tape = page.locator(".scroll")
    tape.evaluate("one => { one.scrollTop = 200; }")
    page.goto(f"{dashboard_url}/?symbol=AAPL&interval=1m&as_of={before}")
    expect(page.locator(".badge")).to_have_text("AS OF")
    assert "CANARY" not in said_on(page)
    # The canary must not make the charts of other tests flat.
    send_trade("AAPL", 230.5)


def test_hostile_text_of_the_feed_is_text(
    page: Page, dashboard_url: str, browser_lake: LocalLake
) -> None:
    browser_lake.append([Row(HOSTILE, now(), 5.0, 2000.0)])
    open_market(page, dashboard_url)
    wait_until_said(page, "<b>X</b>")
    assert page.locator("b", has_text=re.compile("^X$")).count() == 0
    assert serious_findings(page) == []


def test_a_symbol_without_trades_says_so(page: Page, dashboard_url: str) -> None:
    page.goto(f"{dashboard_url}/?symbol=XYZ&interval=1m")
    expect(page.locator(".none strong").filter(has_text="No trade yet: XYZ")).to_be_visible()


def test_a_phone_shows_the_chart_first_and_nothing_sticks_out(
    page: Page, dashboard_url: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    chart = open_market(page, dashboard_url)
    assert overflow(page) <= 0
    box, table = chart.bounding_box(), watch_list(page).bounding_box()
    assert box is not None
    assert table is not None
    assert box["y"] < table["y"]
    assert box["width"] > 360


def test_nothing_is_sent_again_when_nothing_has_changed(page: Page, dashboard_url: str) -> None:
    frames: list[int] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda payload: frames.append(len(payload))),
    )
    open_market(page, dashboard_url)
    settle(page)
    page.wait_for_timeout(3000)
    frames.clear()
    page.wait_for_timeout(5000)
    # Runs go on, and each tells of the lag alone: the bars of a chart are a hundred times as large.
    assert frames
    assert max(frames) < 6000
