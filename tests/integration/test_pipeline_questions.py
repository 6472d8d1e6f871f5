"""What the Pipeline page asks the lake, and what the poller tells those who watch it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from catalog.moments import LIVE, Moment
from catalog.schema import FEED_EVENTS, REJECTED, Table
from serving import freshness, pipeline
from serving.asof import Past
from serving.bars import SECOND
from serving.feed_watch import FeedWatch
from serving.frames import FeedEvent
from serving.freshness import Delay, to_delay
from serving.live import LiveMarket
from serving.news import News
from serving.shared_lake import SharedLake
from serving.symbols import SELECT_SAID
from serving.times import to_time
from tests.support.local_lake import LocalLake, Row, local_lake

pytestmark = pytest.mark.integration

NOW = time.time_ns() // 1000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("pipeline") / "weed") as lake:
        yield lake


@pytest.fixture
def writer(written: LocalLake) -> LocalLake:
    written.reset()
    return written


def append(writer: LocalLake, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    iceberg = writer.catalog.load_table(table.identifier)
    iceberg.append(pa.Table.from_pylist(list(rows), schema=iceberg.schema().as_arrow()))


def event(kind: str, symbol: str | None, since: int, until: int, offset: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "symbol": symbol,
        "from_time": to_time(since),
        "to_time": to_time(until),
        "detail": f"{kind} {offset}",
        "source": "test",
        "kafka_topic": "stock-ticks.feed-events",
        "kafka_partition": 0,
        "kafka_offset": offset,
    }


def rejection(reason: str, raw: bytes, at: int, offset: int, element: int | None) -> dict[str, Any]:
    return {
        "raw": raw,
        "raw_length": len(raw),
        "raw_sha256": "ab" * 32,
        "element_index": element,
        "reason": reason,
        "received_at": to_time(at),
        "kafka_topic": "stock-ticks.rejected",
        "kafka_partition": 0,
        "kafka_offset": offset,
    }


def ask(
    writer: LocalLake, sql: str, *parameters: Any, at: int | None = None
) -> list[dict[str, Any]]:
    lake = SharedLake(writer.settings)
    moment = lake.resolve(LIVE if at is None else Moment(snapshot_id=at))
    rows: list[dict[str, Any]] = Past(lake).ask(moment, sql, parameters).to_pylist()
    return rows


def test_rejected_rows_are_found_by_reason_page_and_place(writer: LocalLake) -> None:
    many = [
        rejection("t is not above zero: -1", b"{}", NOW - i * SECOND, i, None) for i in range(103)
    ]
    odd = rejection("p is missing", b'{"v":1}\x00\xff', NOW - SECOND // 2, 200, 3)
    append(writer, REJECTED, [*many, odd])
    assert [(r["reason"], r["n"]) for r in ask(writer, pipeline.SELECT_REASONS)] == [
        ("t is not above zero: -1", 103),
        ("p is missing", 1),
    ]
    everything = ask(writer, pipeline.SELECT_REJECTED, "", "", 0)
    assert len(everything) == pipeline.PAGE_ROWS
    assert [row["kafka_offset"] for row in everything[:3]] == [0, 200, 1]
    assert len(ask(writer, pipeline.SELECT_REJECTED, "", "", 100)) == 4
    (found,) = ask(writer, pipeline.SELECT_REJECTED, "p is missing", "p is missing", 0)
    key = pipeline.parse_key(pipeline.to_key(found))
    (raw,) = ask(writer, pipeline.SELECT_RAW, *key)
    assert raw["raw"] == b'{"v":1}\x00\xff'
    (raw,) = ask(writer, pipeline.SELECT_RAW, "stock-ticks.rejected", 0, 5, None)
    assert raw["raw"] == b"{}"


def test_what_was_said_last_of_each_symbol_is_found(writer: LocalLake) -> None:
    hour = 3600 * SECOND
    append(
        writer,
        FEED_EVENTS,
        [
            event("subscribed", "AAPL", NOW - hour, NOW - hour, 1),
            event("silent", "AAPL", NOW - 2 * hour, NOW - 2 * hour, 0),
            event("silent", "AAPL", NOW - hour // 2, NOW - hour // 4, 2),
            event("gap", None, NOW - 3 * hour, NOW - 3 * hour + SECOND, 3),
        ],
    )
    said = {row["kind"]: row for row in ask(writer, SELECT_SAID, NOW - 100 * hour)}
    assert said.keys() == {"subscribed", "silent"}
    assert said["silent"]["detail"] == "silent 2"
    assert said["silent"]["to_us"] == NOW - hour // 4
    assert [row["kafka_offset"] for row in ask(writer, pipeline.SELECT_EVENTS)] == [3, 2, 1, 0]


def test_delays_of_a_past_moment_are_those_of_its_trades(writer: LocalLake) -> None:
    first = writer.append([Row("AAPL", NOW - 2 * SECOND, 1.0, 1.0, received_at=NOW - SECOND)])
    writer.append([Row("AAPL", NOW, 2.0, 1.0, received_at=NOW + 60 * SECOND)])
    (row,) = ask(writer, freshness.select_delays(NOW - 300 * SECOND), at=first)
    assert to_delay(row["venue"], row["n"]) == Delay(1.0, 1.0, 1)
    assert to_delay(row["kafka"], row["n"]) == Delay(0.0, 0.0, 1)
    history = SharedLake(writer.settings).histories()[0]
    upto = history.find(first)
    assert upto is not None
    commits = freshness.commits_table(writer.trades, history, upto)
    question = freshness.select_table_delays(commits, NOW - 300 * SECOND)
    assert question is not None
    (row,) = ask(writer, question, at=first)
    committed = freshness.committed_us(upto)
    assert row["n"] == 1
    assert row["stored"][0] == pytest.approx(committed - (NOW - SECOND))


def step_until_fed(market: LiveMarket) -> None:
    """Step until the feed was looked at once more; its own pace is several seconds."""
    market._feed_due = 0.0
    while market._feed_due == 0.0:
        market.step()


def test_observers_hear_of_new_trades_gaps_and_rejected_rows_once(writer: LocalLake) -> None:
    gap = event("gap", None, NOW - 9 * SECOND, NOW - 5 * SECOND, 1)
    append(writer, FEED_EVENTS, [event("connected", None, NOW, NOW, 0), gap])
    append(writer, REJECTED, [rejection("old", b"", NOW, 0, None)])
    writer.append([Row("AAPL", NOW, 100.0, 1.0)])
    news: list[News] = []
    market = LiveMarket(writer.settings, observers=[news.append])
    step_until_fed(market)
    # What was there before may be old: it is no news, but it is known.
    (feed,) = [one.feed for one in news if one.feed]
    assert (feed.gaps, feed.rejected) == ((), 0)
    assert feed.all_gaps == ((NOW - 9 * SECOND, NOW - 5 * SECOND),)
    assert market.frame.feed == FeedEvent("connected", "connected 0", NOW)
    assert all(one.trades is None for one in news)
    news.clear()
    writer.append([Row("AAPL", NOW + 1, 101.0, 1.0), Row("B", NOW + 2, 5.0, 1.0)])
    append(writer, FEED_EVENTS, [event("gap", None, NOW, NOW + 7 * SECOND, 2)])
    append(writer, REJECTED, [rejection("new", b"", NOW, i, None) for i in (1, 2)])
    step_until_fed(market)
    (feed,) = [one.feed for one in news if one.feed]
    assert (feed.gaps, feed.rejected) == (((NOW, NOW + 7 * SECOND),), 2)
    (trades,) = [one.trades for one in news if one.trades is not None]
    assert sorted(trades["price"].to_pylist()) == [5.0, 101.0]
    assert "kafka_us" in trades.column_names
    position = market.frame.position
    assert position is not None
    assert position.received_to == {"AAPL": NOW + 1, "B": NOW + 2}
    news.clear()
    step_until_fed(market)
    market.stop()
    assert not [one for one in news if one.feed or one.trades is not None]


def test_an_observer_that_fails_does_not_stop_the_market(writer: LocalLake) -> None:
    def fail(_news: News) -> None:
        raise RuntimeError("on purpose")

    heard: list[News] = []
    market = LiveMarket(writer.settings, observers=[fail, heard.append])
    writer.append([Row("AAPL", NOW, 100.0, 1.0)])
    while market.step() == 0:
        pass
    market.stop()
    assert market.frame.quotes["AAPL"].last == 100.0
    assert heard


def test_a_watch_of_empty_tables_has_nothing_to_tell(writer: LocalLake) -> None:
    with SharedLake(writer.settings).asking() as lake:
        assert FeedWatch().look(lake, lake.load, NOW) is None
