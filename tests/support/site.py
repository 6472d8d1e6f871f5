"""The dashboard of a running instance, as browser tests use it: trades in, moments out."""

import time
from dataclasses import dataclass
from typing import Any

from axe_core_python.sync_playwright import Axe
from confluent_kafka import Producer
from playwright.sync_api import Locator, Page, expect

from catalog.trade import Trade
from serving import Lake
from serving.view import PageName
from tests.support.instance import Instance, wait_until

_SECONDS = 120

# Everything that a page says, in the shadow of a component too, with what only readers are told.
_DEEP_TEXT = """() => {
    const said = [];
    const walk = (root) => {
        for (const one of root.querySelectorAll("*")) {
            if (one.shadowRoot) walk(one.shadowRoot);
            for (const name of ["aria-label", "title", "alt", "value"])
                if (one.getAttribute(name)) said.push(one.getAttribute(name));
            if (one.matches("style, script")) continue;
            for (const node of one.childNodes)
                if (node.nodeType === Node.TEXT_NODE) said.push(node.textContent);
        }
    };
    walk(document.body);
    return said.join("\\n");
}"""


@dataclass(frozen=True)
class Site:
    """A page to look at, and the feed behind it in our hands."""

    instance: Instance

    @property
    def url(self) -> str:
        """Of the first page."""
        return self.instance.dashboard_url()

    def send(self, symbol: str, *prices: float, size: float = 1.0) -> int:
        """Put trades of now on the topic; returns the snapshot of trades that has them all."""
        producer = Producer({"bootstrap.servers": self.instance.broker_settings().server})
        for price in prices:
            now = time.time_ns() // 1000
            key, value = Trade(symbol, now, price, size, None, now, "test").to_message()
            producer.produce("stock-ticks", value, key)
        assert producer.flush(30) == 0
        wanted = ", ".join(str(price) for price in prices)
        text = f"SELECT count(DISTINCT price) FROM trades WHERE symbol = ? AND price IN ({wanted})"
        with Lake.open(self.instance.lake_settings()) as lake:

            def stored() -> int | None:
                snapshot_id = lake.snapshots()[-1].snapshot_id
                (found,) = lake.sql(text, str(snapshot_id), (symbol,)).column(0).to_pylist()
                return snapshot_id if found == len(set(prices)) else None

            return int(wait_until(stored, _SECONDS, f"{symbol} at {prices} to be stored"))


def visit(page: Page, url: str, name: PageName, query: str = "symbol=AAPL&interval=1m") -> None:
    """Open a page by its link and wait until its run is over."""
    page.goto(f"{url}{name.path}?{query}")
    expect(page.get_by_role("link", name=name.label, exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    settle(page)


def settle(page: Page) -> None:
    """Wait until no run of the page's script is left."""
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")


def banner(page: Page) -> Locator:
    """That of a past moment."""
    return page.locator(".banner")


def grid_says(page: Page, text: str) -> None:
    """What a grid draws on its canvas stands in there as a table, too, for readers."""
    expect(page.locator("[data-testid=stDataFrame] canvas").first).to_contain_text(text)


def said_on(page: Page) -> str:
    """All text of the page, visible or for readers."""
    text: str = page.evaluate(_DEEP_TEXT)
    return text


def wait_until_said(page: Page, text: str) -> None:
    """Until the page says it; a playwright error when it does not."""
    page.wait_for_function(f"text => ({_DEEP_TEXT})().includes(text)", arg=text)


def serious_findings(page: Page) -> list[dict[str, Any]]:
    """What axe finds that is serious or critical: rule, why, and where."""
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        {"rule": one["id"], "why": one["help"], "where": [node["target"] for node in one["nodes"]]}
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wider: int = page.evaluate(
        "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - innerWidth"
    )
    return wider
