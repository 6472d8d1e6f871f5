"""Alerts at work: judged by what the one poller sees, kept in the file, posted to the webhook."""

import time
from collections import deque
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import SettingsError, TapehouseError
from catalog.logs import get_logger
from serving.alert_store import AlertStore
from serving.alerts import (
    TERMS,
    Change,
    Evidence,
    Firing,
    Judge,
    Kind,
    Reading,
    prices_through,
)
from serving.bars import SECOND
from serving.frames import State
from serving.news import News
from serving.settings import DashboardSettings
from serving.webhook import Webhook

_LONGEST_WINDOW = max(max(terms.windows, default=0) for terms in TERMS.values()) * SECOND

_LOG = get_logger(__name__)


class AlertWatch:
    """Judges the alerts of a store about once a second; `saw` is for the poller's thread alone.

    `trouble` says, in words, why what it saw could not be kept; empty while all is well. `fired`
    counts the firings since the start.
    """

    def __init__(
        self,
        store: AlertStore,
        webhook: Webhook,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.store = store
        self.webhook = webhook
        self.trouble = ""
        self.fired = 0
        self._now = now
        self._judge = Judge(store.holding())
        self._alerts = store.alerts()
        self._changes = store.changes
        self._due = 0
        self._prices: dict[str, list[float]] = {}
        self._gaps: list[tuple[int, int]] = []
        self._rejections: deque[tuple[int, int]] = deque()

    @property
    def readings(self) -> Mapping[int, Reading]:
        """How each alert stands, by its id."""
        return self._judge.readings

    def saw(self, news: News) -> None:
        """Take in what the poller found, and judge when it is time to."""
        now = self._now()
        self._note(news, now)
        if now < self._due or news.frame.state is State.LOADING:
            return
        self._due = now + SECOND
        try:
            self._judge_all(news, now)
        except TapehouseError as error:
            _LOG.warning("alerts_not_kept", why=str(error))
            self.trouble = str(error)
        else:
            self.trouble = ""

    def _note(self, news: News, now: int) -> None:
        if news.trades is not None:
            for symbol in {a.symbol for a in self._alerts if a.kind is Kind.PRICE and a.enabled}:
                self._note_prices(symbol, news, news.trades)
        if news.feed is not None:
            self._gaps += news.feed.gaps
            if news.feed.rejected:
                self._rejections.append((now, news.feed.rejected))
        while self._rejections and self._rejections[0][0] <= now - _LONGEST_WINDOW:
            self._rejections.popleft()

    def _note_prices(self, symbol: str, news: News, trades: pa.Table) -> None:
        rows = trades.filter(pc.field("symbol") == symbol).to_pylist()
        through = prices_through(news.before.quotes.get(symbol), rows)
        known = self._prices.setdefault(symbol, [])
        known += through[1:] if known else through

    def _judge_all(self, news: News, now: int) -> None:
        if self._changes != self.store.changes:
            self._changes = self.store.changes
            self._alerts = self.store.alerts()
        evidence = Evidence(news.frame, now, self._prices, self._gaps, tuple(self._rejections))
        changes = self._judge.look(self._alerts, evidence)
        self._prices, self._gaps = {}, []
        for change in changes:
            self._tell(change, now)

    def _tell(self, change: Change, now: int) -> None:
        alert = change.alert
        if not change.fired:
            self.store.end(alert.id, now)
            return
        _LOG.info("alert_fired", alert=alert.words, seen=change.text)
        self.fired += 1
        firing_id = self.store.fire(alert, now, change.text)
        self.webhook.post(Firing(firing_id, alert.id, alert.words, now, None, change.text, ""))


def open_alerts(settings: DashboardSettings) -> AlertWatch:
    """The alerts of the dashboard's folder; of this process alone where that cannot be written."""
    try:
        store = AlertStore.open(settings.folder)
    except SettingsError as error:
        _LOG.warning("alerts_without_a_file", why=str(error))
        store = AlertStore.in_memory(str(error))
    webhook = Webhook(settings.alert_webhook, store.note_delivery)
    webhook.start()
    return AlertWatch(store, webhook)
