"""The screen: how soon a trade is painted, what a session costs, and how the past opens."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Producer
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from catalog.trade import Trade
from tests.bench.figures import Figure, percentile
from tests.bench.picture import Points, draw
from tests.bench.sessions import sessions
from tests.support.browser import CHROMIUM_FLAGS, find_chromium
from tests.support.instance import Instance, wait_until

RATE = 50
SESSIONS = (1, 5, 20)
PROBE = "BENCH:PROBE"
PROBE_SECONDS = 0.25
LATENCY_SECONDS = 120
CPU_SECONDS = 60
SETTLE_SECONDS = 60
COLD_RUNS = 10
SAMPLE_SECONDS = 20
SWITCHES = 20
DAY_ROWS = 388_417
_PATIENCE_SECONDS = 600
_QUERY = f"symbol={PROBE}&interval=1s"

# A frame after what was drawn, when the browser has come to it; microtasks come before it.
_PAINTED = """
    const painted = (tell) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => tell(performance.timeOrigin + performance.now());
        port2.postMessage(0);
    });
    const find = (selector, root = document) => {
        const found = root.querySelector(selector);
        if (found) return found;
        for (const one of root.querySelectorAll("*")) {
            const within = one.shadowRoot && find(selector, one.shadowRoot);
            if (within) return within;
        }
    };
"""

# Which probe the chart's last bar closed at, and when that was painted.
_WATCH = f"""() => {{ {_PAINTED}
    const plot = find(".plot");
    window.probes = [];
    new MutationObserver(() => {{
        const [, close] = /, C ([\\d,]+)\\./.exec(plot.ariaLabel) ?? [];
        if (close) painted((at) => window.probes.push([at, Number(close.replaceAll(",", ""))]));
    }}).observe(plot, {{ attributes: true, attributeFilter: ["aria-label"] }});
}}"""

# Milliseconds from the start of the navigation until candles and last price are painted.
_FIRST_PAINT = f"""() => {{ {_PAINTED}
    return new Promise((resolve) => {{
        const look = () => {{
            const candles = find(".plot")?.querySelector(".boxlayer path");
            const last = find(".last")?.textContent.match(/\\d/);
            if (candles && last) painted((at) => resolve(at - performance.timeOrigin));
            else requestAnimationFrame(look);
        }};
        look();
    }});
}}"""

# Milliseconds from asking for a moment until the page of that moment is painted.
_SWITCH = f"""(snapshot) => {{ {_PAINTED}
    const asked = find('input[aria-label="Moment"]');
    asked.value = snapshot;
    const began = performance.timeOrigin + performance.now();
    asked.form.requestSubmit();
    return new Promise((resolve) => {{
        const look = () => {{
            const places = [find(".banner"), find(".truth")];
            const told = places.every((one) => one?.textContent.includes(snapshot));
            const done = document.querySelector('.stApp[data-test-script-state="notRunning"]');
            if (told && done) painted((at) => resolve(at - began));
            else requestAnimationFrame(look);
        }};
        look();
    }});
}}"""


def measure(home: Path, recording: Path, minutes: float, pictures: Path) -> list[Figure]:
    """A live instance of 50 trades a second, then one that holds the recorded day."""
    live = Instance(home / "live", ("--feed", "simulator", "--rate", str(RATE), "--port", "0"))
    with _running(live), _chromium() as browser:
        time.sleep(SETTLE_SECONDS)
        figures = [
            *(figure for count in SESSIONS for figure in _latency(live, browser, count)),
            *_cpu(live),
            _cold(live, browser),
            *_memory(live, browser, minutes, pictures),
        ]
    day = Instance(home / "day", ("--feed", "none", "--port", "0"))
    with _running(day), _chromium() as browser:
        day.cli("replay", str(recording), "--speed", "max", timeout=_PATIENCE_SECONDS)
        return [*figures, _as_of(day, browser)]


def _latency(instance: Instance, browser: Browser, count: int) -> Iterator[Figure]:
    """Trade received -> painted, in one browser beside so many sessions less one."""
    sent: dict[int, float] = {}
    with (
        _probes(instance, sent),
        sessions(instance.dashboard_url(), _QUERY, count - 1) as others,
        _page(browser, instance.dashboard_url(), _QUERY) as page,
    ):
        page.locator(".plot .boxlayer path").first.wait_for(timeout=_PATIENCE_SECONDS * 1000)
        page.evaluate(_WATCH)
        first = len(sent)
        page.wait_for_timeout(LATENCY_SECONDS * 1000)
        painted: list[tuple[float, int]] = page.evaluate("window.probes")
        runs = [one.runs for one in others]
    ages = list(_ages(sent, painted, first))
    assert len(ages) > LATENCY_SECONDS / PROBE_SECONDS / 2, "too few probes were painted"
    assert not runs or min(runs) > LATENCY_SECONDS / 2, f"a session was starved: {runs}"
    bench = f"received to painted, {count} session{'s'[: count > 1]}"
    yield Figure(bench, "p50", percentile(ages, 0.5), "s", len(ages))
    yield Figure(bench, "p99", percentile(ages, 0.99), "s", len(ages))


def _ages(sent: dict[int, float], painted: list[tuple[float, int]], first: int) -> Iterator[float]:
    """In seconds: each probe is painted once a bar closes at it, or at a later one."""
    number = first
    for at, close in painted:
        while number <= close:
            yield at / 1000 - sent[number]
            number += 1


@contextmanager
def _probes(instance: Instance, sent: dict[int, float]) -> Iterator[None]:
    """Trades whose price is their number, beside those of the simulator."""
    producer = Producer({"bootstrap.servers": instance.broker_settings().server, "linger.ms": 0})
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(PROBE_SECONDS):
            number, now = len(sent), time.time_ns() // 1000
            key, value = Trade(PROBE, now, float(number), 1.0, None, now, "bench").to_message()
            sent[number] = now / 1e6
            producer.produce("stock-ticks", value, key)
            producer.poll(0)

    feed = threading.Thread(target=send, daemon=True)
    feed.start()
    try:
        yield
    finally:
        stop.set()
        feed.join()
        assert producer.flush(30) == 0


def _cpu(instance: Instance) -> Iterator[Figure]:
    """Of the dashboard's process: with nobody there, then with the most sessions, each at 1 Hz."""
    process, count = psutil.Process(_pid(instance)), max(SESSIONS)
    idle = _share(process)
    query = "symbol=BINANCE:BTCUSDT&interval=1m"
    with sessions(instance.dashboard_url(), query, count) as held:
        time.sleep(CPU_SECONDS / 6)
        before = [(one.runs, one.received) for one in held]
        busy = _share(process)
        runs = sum(one.runs - runs for one, (runs, _) in zip(held, before, strict=True))
        sent = sum(one.received - sent for one, (_, sent) in zip(held, before, strict=True))
    bench = f"server, {count} sessions at 1 Hz"
    yield Figure(bench, "CPU a session", (busy - idle) / count * 100, "% of a core", runs, "<= 1.5")
    yield Figure(bench, "CPU with no session", idle * 100, "% of a core", 1)
    yield Figure(bench, "runs a session", runs / count / CPU_SECONDS, "1/s", runs, ">= 0.95")
    yield Figure(bench, "sent to a session", sent / count / CPU_SECONDS / 1000, "kB/s", runs)


def _share(process: psutil.Process) -> float:
    """Of one core, over a minute."""
    before = process.cpu_times()
    time.sleep(CPU_SECONDS)
    after = process.cpu_times()
    return float(after.user + after.system - before.user - before.system) / CPU_SECONDS


def _cold(instance: Instance, browser: Browser) -> Figure:
    """A browser that has nothing of the page yet, a server that has been up."""
    seconds = []
    for _ in range(COLD_RUNS):
        with _page(browser, instance.dashboard_url(), "symbol=BINANCE:BTCUSDT&interval=1m") as page:
            seconds.append(page.evaluate(_FIRST_PAINT) / 1000)
    name = "until candles and last price are painted, p95"
    return Figure("cold page", name, percentile(seconds, 0.95), "s", COLD_RUNS, "<= 2.5")


def _memory(
    instance: Instance, browser: Browser, minutes: float, pictures: Path
) -> Iterator[Figure]:
    """Of server and page while one page is open; the page's after a collection of its garbage."""
    process = psutil.Process(_pid(instance))
    with _page(browser, instance.dashboard_url(), "symbol=BINANCE:BTCUSDT&interval=1m") as page:
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        server: list[tuple[float, float]] = []
        heap: list[tuple[float, float]] = []
        began = time.monotonic()
        while (at := (time.monotonic() - began) / 60) < minutes:
            server.append((at, process.memory_info().rss / 1e6))
            heap.append((at, _heap(devtools)))
            page.wait_for_timeout(SAMPLE_SECONDS * 1000)
    draw(
        pictures / "screen-memory.svg",
        f"Memory at {RATE} trades/s, one page open",
        ("minutes", "MB"),
        {"server (RSS)": server, "page (JS heap)": heap},
    )
    for name, samples in (("server (RSS)", server), ("page (JS heap)", heap)):
        bench = f"memory over {minutes:g} min"
        yield Figure(bench, f"{name}, most", max(y for _, y in samples), "MB", len(samples))
        yield Figure(
            bench, f"{name}, growth in the second half", _growth(samples), "%", len(samples)
        )


def _heap(devtools: CDPSession) -> float:
    devtools.send("HeapProfiler.collectGarbage")
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "JSHeapUsedSize") / 1e6


def _growth(samples: Points) -> float:
    """From the third quarter to the last, in per cent: what is bounded has come to its bound."""
    values = [value for _, value in samples]
    quarter = max(1, len(values) // 4)
    third, last = values[-2 * quarter : -quarter], values[-quarter:]
    return (sum(last) / len(last) / (sum(third) / len(third)) - 1) * 100


def _as_of(instance: Instance, browser: Browser) -> Figure:
    """To moments of the whole day that nobody has looked at yet, newest first."""

    def kept() -> list[dict[str, Any]]:
        listed = json.loads(instance.cli("snapshots", "--format", "json"))
        rows = [one for one in listed if one["added_rows"] > 0]
        return rows if rows and rows[-1]["total_rows"] >= DAY_ROWS else []

    moments = wait_until(kept, _PATIENCE_SECONDS, "the day to be stored", every=5)[::-1][:SWITCHES]
    (busiest,) = instance.sql("SELECT symbol FROM trades GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    seconds: list[float] = []
    query = f"symbol={busiest['symbol']}&interval=1m"
    with _page(browser, instance.dashboard_url(), query) as page:
        page.locator(".plot .boxlayer path").first.wait_for()
        seconds.extend(page.evaluate(_SWITCH, str(one["snapshot_id"])) / 1000 for one in moments)
    name = f"switch, {moments[0]['total_rows']:,} trades, p95"
    return Figure("as of", name, percentile(seconds, 0.95), "s", len(seconds), "<= 1")


def _pid(instance: Instance) -> int:
    pid = instance.pid("dashboard")
    assert pid is not None
    return pid


@contextmanager
def _running(instance: Instance) -> Iterator[None]:
    instance.home.parent.mkdir(parents=True, exist_ok=True)
    instance.start()
    try:
        yield
    finally:
        instance.stop()


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(CHROMIUM_FLAGS)
        )
        yield browser
        browser.close()


@contextmanager
def _page(browser: Browser, url: str, query: str) -> Iterator[Page]:
    """A page 1280 x 800 of a browser that keeps nothing from others."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_SECONDS * 1000)
    page.goto(f"{url}/?{query}")
    yield page
    context.close()
