import pyarrow as pa
import pytest
from pydantic import SecretStr

from serving.alert_store import AlertStore
from serving.alert_watch import AlertWatch, open_alerts
from serving.alerts import Alert, Kind
from serving.bars import SECOND
from serving.feed_watch import FeedNews
from serving.frames import Frame
from serving.news import News
from serving.settings import DashboardSettings
from serving.times import to_microseconds
from serving.webhook import Webhook
from tests.support.frames import frame_of

NOW = to_microseconds("2026-01-07T15:00:00Z")
FRAME = frame_of({}, {"AAPL": NOW})


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    made = AlertStore.in_memory()
    yield made
    made.close()


@pytest.fixture
def watch(store, clock):
    return AlertWatch(store, Webhook(SecretStr(""), store.note_delivery), clock)


def trades(*prices: float, symbol: str = "AAPL") -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "symbol": symbol,
                "event_us": NOW + i,
                "price": price,
                "conditions": [1],
                "kafka_partition": 0,
                "kafka_offset": i,
            }
            for i, price in enumerate(prices)
        ]
    )


def fired(store: AlertStore) -> list[tuple[str, str]]:
    return [(firing.words, firing.text) for firing in store.firings()]


def test_an_alert_added_while_it_runs_is_watched(watch, store, clock):
    watch.saw(News(FRAME, FRAME))
    store.add(Alert(Kind.STALE, 60.0), NOW)
    clock.now = NOW + 61 * SECOND
    watch.saw(News(FRAME, FRAME))
    assert fired(store) == [("no trade for 60 s", "last trade 61 s ago")]
    assert watch.fired == 1


def test_prices_between_two_judgements_are_not_lost(watch, store, clock):
    store.add(Alert(Kind.PRICE, 105.0, "AAPL"), NOW)
    watch.saw(News(FRAME, FRAME))
    clock.now += SECOND // 2
    watch.saw(News(FRAME, FRAME, trades(104.0, 106.0)))
    watch.saw(News(FRAME, FRAME, trades(500.0, symbol="OTHER")))
    assert fired(store) == []
    clock.now += SECOND
    watch.saw(News(FRAME, FRAME, trades(101.0)))
    assert fired(store) == [("AAPL crosses 105", "AAPL went from 106 to 101")]


def test_gaps_and_rejected_rows_come_with_the_feeds_news(watch, store, clock):
    store.add(Alert(Kind.GAP, 5.0), NOW)
    store.add(Alert(Kind.REJECTED, 1.0, window_seconds=60), NOW)
    watch.saw(News(FRAME, FRAME))
    gap = (NOW - 9 * SECOND, NOW)
    clock.now += SECOND
    watch.saw(News(FRAME, FRAME, feed=FeedNews(all_gaps=(gap,), gaps=(gap,), rejected=3)))
    assert {text for _, text in fired(store)} == {
        "9.0 s until 2026-01-07 15:00:00 UTC",
        "3 within 1 min: 3 a minute",
    }
    clock.now += 120 * SECOND
    watch.saw(News(FRAME, FRAME))
    assert store.holding() == {}


def test_nothing_is_judged_before_there_is_a_market(watch, store):
    store.add(Alert(Kind.STALE, 5.0), NOW)
    watch.saw(News(Frame(), Frame()))
    assert watch.readings == {}


def test_a_restart_goes_on_with_what_holds(watch, store, clock):
    store.add(Alert(Kind.STALE, 60.0), NOW)
    clock.now = NOW + 61 * SECOND
    watch.saw(News(FRAME, FRAME))
    again = AlertWatch(store, Webhook(SecretStr(""), store.note_delivery), clock)
    clock.now += SECOND
    again.saw(News(FRAME, FRAME))
    assert len(store.firings()) == 1
    assert store.firings()[0].ended_at is None


def test_a_file_that_takes_nothing_is_said_and_the_market_goes_on(watch, store, clock):
    store.add(Alert(Kind.STALE, 60.0), NOW)
    watch.saw(News(FRAME, FRAME))
    store.close()
    clock.now = NOW + 61 * SECOND
    watch.saw(News(FRAME, FRAME))
    assert "own file" in watch.trouble


def test_without_a_folder_alerts_live_as_long_as_the_process(tmp_path):
    (tmp_path / "file").touch()
    watch = open_alerts(DashboardSettings.read(folder=tmp_path / "file" / "folder"))
    assert "cannot keep alerts" in watch.store.trouble
    watch.store.add(Alert(Kind.STALE, 60.0), NOW)
    assert len(watch.store.alerts()) == 1
    watch.store.close()
