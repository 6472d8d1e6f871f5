"""The Pipeline page over a real instance: states that look alike, and what was refused."""

import re
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from playwright.sync_api import Locator, Page, expect

from catalog.trade import FeedEvent, FeedEventKind, Rejection
from serving.hours import is_closed
from serving.view import PageName
from tests.support.instance import wait_until
from tests.support.site import Site, said_on, visit, wait_until_said

pytestmark = [pytest.mark.browser, pytest.mark.screen]

_SECONDS = 120
_HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
_NO_SLOT = "probably got no slot: the vendor refused 1 of 2 symbols without naming them"


def now_us() -> int:
    return time.time_ns() // 1000


def send(site: Site, topic: str, *records: Rejection | FeedEvent) -> None:
    producer = Producer({"bootstrap.servers": site.instance.broker_settings().server})
    for record in records:
        key, value = record.to_message()
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def stored(site: Site, sql: str) -> Callable[[], bool]:
    return lambda: bool(site.instance.lake_rows(sql)[0][0])


def verdict(page: Page) -> Locator:
    return page.locator(".verdict strong")


def link(page: Page, name: str) -> Locator:
    return page.locator(".link").filter(has=page.locator("b").get_by_text(name, exact=True))


def rows_of(page: Page, label: str) -> Locator:
    return page.get_by_role("table", name=label).get_by_role("row")


@pytest.fixture(scope="module")
def before_refusals(site: Site) -> int:
    """A moment before some rows were rejected and some feed events came; they are stored since."""
    before = site.send("AAPL", 231.25)
    now = now_us()
    send(
        site,
        "stock-ticks.rejected",
        Rejection.of(b'{"s":"AAPL\x00\xff"}', _HOSTILE, now, 3),
        Rejection.of(b"upstream request timeout", "not JSON", now),
    )
    send(
        site,
        "stock-ticks.feed-events",
        FeedEvent(FeedEventKind.GAP, None, now - 9_000_000, now - 5_000_000, "missed 4 s", "test"),
        FeedEvent(FeedEventKind.ERROR, "XYZ", now, now, _NO_SLOT, "test"),
        FeedEvent(FeedEventKind.SILENT, _HOSTILE, now, now, _HOSTILE, "test"),
    )
    wait_until(stored(site, "SELECT count(*) >= 2 FROM rejected"), _SECONDS, "what was rejected")
    wait_until(stored(site, "SELECT count(*) >= 3 FROM feed_events"), _SECONDS, "feed events")
    return before


def test_trades_that_flow_are_timed_stage_by_stage(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.PIPELINE)
    for number in range(4):
        site.send("AAPL", 232 + number / 100)
    expect(verdict(page)).to_have_text(re.compile("Trades are flowing"))
    stages = page.locator(".stage")
    expect(stages).to_have_count(5)
    for name in ("received → Kafka", "Kafka → table", "received → dashboard"):
        told = stages.filter(has_text=name)
        expect(told).to_have_text(re.compile(r"\d (ms|s)p99 [\d.]+ (ms|s)n \d+ trades"))
    expect(stages.filter(has_text="table → screen")).to_have_text(re.compile(r"n \d+ updates"))


def test_lag_tables_and_versions_are_told(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.PIPELINE)
    lag = rows_of(page, "Consumer lag by topic partition")
    expect(lag.filter(has_text=re.compile(r"^stock-ticks\d"))).to_have_count(2)
    expect(lag.filter(has_text="stock-ticks.feed-events")).to_have_count(1)
    expect(rows_of(page, "Tables").filter(has_text=re.compile(r"^trades[\d,]+"))).to_have_count(1)
    expect(rows_of(page, "Versions").filter(has_text=re.compile(r"^pyspark–\d"))).to_be_visible()
    expect(rows_of(page, "Symbols").filter(has_text="AAPL")).to_have_count(1)


def test_rejected_rows_are_browsed_down_to_their_bytes(
    page: Page, site: Site, before_refusals: int
) -> None:
    visit(page, site.url, PageName.PIPELINE)
    wait_until_said(page, _HOSTILE)
    rejected = rows_of(page, "Rejected rows")
    expect(rejected.filter(has_text="not JSON")).to_have_count(1)
    rows_of(page, "Rejected, by reason").filter(has_text="<img").click()
    expect(rejected.filter(has_text="not JSON")).to_have_count(0)
    rejected.filter(has_text="<img").first.click()
    raw = rows_of(page, "Raw bytes")
    expect(raw.filter(has_text="7b 22 73 22 3a 22 41 41")).to_have_count(1)
    expect(raw.filter(has_text='{"s":"AAPL··"}')).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.path().read_bytes() == b'{"s":"AAPL\x00\xff"}'
    assert page.title() != "owned"


def test_gaps_refusals_and_silence_are_told_by_symbol(
    page: Page, site: Site, before_refusals: int
) -> None:
    visit(page, site.url, PageName.PIPELINE)
    symbols = rows_of(page, "Symbols")
    expect(symbols.filter(has_text="XYZ")).to_contain_text("✕ refused: no slot")
    expect(symbols.filter(has_text="XYZ")).to_contain_text("probably got no slot")
    expect(symbols.filter(has_text="AAPL").first).to_contain_text("4 s")
    expect(rows_of(page, "Feed events").filter(has_text="missed 4 s")).to_contain_text("gap")
    assert page.title() != "owned"


def test_a_past_moment_knows_nothing_of_what_came_later(
    page: Page, site: Site, before_refusals: int
) -> None:
    visit(page, site.url, PageName.PIPELINE, f"symbol=AAPL&as_of={before_refusals}")
    expect(page.locator(".verdict")).to_contain_text("At this moment")
    expect(rows_of(page, "Consumer lag by topic partition").nth(1)).to_contain_text("not kept")
    expect(page.locator(".stage").filter(has_text="Kafka → table")).to_contain_text("trades")
    expect(page.locator(".stage").filter(has_text="table → screen")).to_contain_text("past moment")
    said = said_on(page)
    for trace in ("<img", "not JSON", "missed 4 s", "XYZ", "refused"):
        assert trace not in said


def test_figures_change_in_place(page: Page, site: Site) -> None:
    visit(page, site.url, PageName.PIPELINE)
    site.send("AAPL", 233.0)
    expect(verdict(page)).to_have_text(re.compile("Trades are flowing"))
    places = {
        name: page.get_by_role("region", name=name).bounding_box()
        for name in ("Symbols", "Tables", "Acts of care", "Rejected rows")
    }
    for number in range(3):
        site.send("AAPL", 233 + number / 100)
    page.wait_for_timeout(6000)
    for name, before in places.items():
        assert page.get_by_role("region", name=name).bounding_box() == before


def test_a_silent_feed_a_closed_market_and_a_broken_pipeline_look_different(
    page: Page, site: Site
) -> None:
    site.send("AAPL", 234.0)
    visit(page, site.url, PageName.PIPELINE)
    expect(verdict(page)).to_have_text(re.compile("Trades are flowing"))
    symbols = [row[0] for row in site.instance.lake_rows("SELECT DISTINCT symbol FROM trades")]
    closed = is_closed(symbols, now_us())
    quiet = "The market is closed" if closed else "The feed is silent"
    expect(verdict(page)).to_have_text(re.compile(quiet))
    site.instance.stop_service("stream")
    try:
        expect(verdict(page)).to_have_text(re.compile("✕ The pipeline is broken: the stream"))
        expect(link(page, "Stream")).to_contain_text("does not answer")
        expect(link(page, "Feed")).to_contain_text("unknown")
    finally:
        site.instance.start_service("stream")
        site.instance.cli("status", "--wait", timeout=180)
    # The first one waits for the stream, longer than a feed may be quiet.
    for price in (234.5, 234.75):
        site.send("AAPL", price)
    expect(verdict(page)).to_have_text(re.compile("Trades are flowing"))
