from dataclasses import replace
from typing import Any

import pytest

from serving.bars import SECOND
from serving.chain import Health, Seen, chain, judge, sum_up
from serving.frames import FeedEvent, Frame, State, Trouble
from serving.freshness import Delay, Stage
from serving.times import to_microseconds, to_time
from tests.support.frames import frame_of

# A Wednesday, in New York's session, and the night before it.
NOW = to_microseconds("2026-01-07T15:00:00Z")
NIGHT = to_microseconds("2026-01-07T05:00:00Z")
CONNECTED = FeedEvent("connected", "subscribing to 2 symbols", NOW - 7200 * SECOND)


def keeper(now: int = NOW, lag: int = 0, **query: object) -> dict[str, Any]:
    told = {
        "trigger_seconds": 2.0,
        "stretched": None,
        "input_rows_per_second": 50.0,
        "batch_ms": 412,
        "reported_at": to_time(now - SECOND).isoformat(),
    }
    offsets = {
        "ticks": {"0": {"stored": 100, "latest": 100 + lag}, "1": {"stored": 7, "latest": 7}},
        "ticks.feed-events": {"0": {"stored": 1, "latest": 60}},
    }
    return {"query": told | query, "offsets": offsets}


def seen(silent_for: int = 1, *, symbol: str = "AAPL", now: int = NOW, **fields: Any) -> Seen:
    frame = frame_of({}, {symbol: now - silent_for * SECOND}, feed=CONNECTED)
    return Seen(frame, now, fields.pop("told", keeper(now)), **fields)


def verdict(one: Seen) -> tuple[Health, str]:
    found = sum_up(one, judge(one))
    return found.kind, found.title


def states(one: Seen) -> dict[str, Health]:
    return {link.name: link.kind for link in judge(one)}


def test_trades_that_flow_make_every_link_well():
    one = seen(rates=(48.25, 50.0), every=1.0)
    assert set(states(one).values()) == {Health.FLOWING}
    assert verdict(one) == (Health.FLOWING, "Trades are flowing")
    feed = judge(one)[0]
    assert feed.facts[:2] == ("last trade received 1 s ago", "48.2 trades/s, 50.0 over 1 min")


def test_a_silent_feed_a_closed_market_and_a_broken_pipeline_look_different():
    silent = seen(300)
    closed = seen(300, now=NIGHT)
    broken = seen(300, told={}, keeper_error="the streaming job does not answer")
    gone = seen(3600)
    assert [verdict(one) for one in (silent, closed, broken, gone)] == [
        (Health.SILENT, "The feed is silent"),
        (Health.CLOSED, "The market is closed"),
        (Health.BROKEN, "The pipeline is broken: the stream"),
        (Health.BROKEN, "The producer is not heard of"),
    ]


def test_a_closed_market_says_when_it_opens():
    assert judge(seen(300, now=NIGHT))[0].facts[0] == (
        "opens Wed 2026-01-07 14:30 UTC, 09:30 in New York"
    )


def test_crypto_is_never_closed():
    assert verdict(seen(300, symbol="BINANCE:BTCUSDT", now=NIGHT))[0] is Health.SILENT


def test_a_producer_that_called_the_silence_by_its_name_is_there():
    hour = 3600
    told_then = NOW - hour * SECOND + 600 * SECOND
    assert verdict(seen(hour, spoke_at=told_then))[0] is Health.SILENT
    before = NOW - hour * SECOND
    assert verdict(seen(hour, spoke_at=before))[0] is Health.BROKEN
    assert verdict(seen(hour, spoke_at=before, silent_seconds=hour))[0] is Health.SILENT


def test_a_disconnected_feed_says_why():
    one = seen(300)
    feed = FeedEvent("disconnected", "The feed closed the connection.", NOW - 299 * SECOND)
    cut = replace(one, frame=replace(one.frame, feed=feed))
    assert verdict(cut) == (Health.DISCONNECTED, "The feed is disconnected")
    assert sum_up(cut, judge(cut)).why.startswith("The feed closed the connection.")


def test_a_stream_that_is_not_heard_of_stands_still():
    long_ago = to_time(NOW - 60 * SECOND).isoformat()
    one = seen(300, told=keeper(reported_at=long_ago))
    assert states(one)["Stream"] is Health.BROKEN
    assert states(one)["Feed"] is Health.UNKNOWN
    assert states(one)["Kafka"] is Health.UNKNOWN
    slow = seen(300, told=keeper(reported_at=long_ago, trigger_seconds=30.0))
    assert states(slow)["Stream"] is Health.FLOWING


def test_a_keeper_that_is_silent_while_trades_flow_is_no_broken_pipeline():
    one = seen(1, told={}, keeper_error="no answer")
    assert states(one)["Stream"] is Health.UNKNOWN
    assert verdict(one)[0] is Health.FLOWING


def test_a_stream_that_is_behind_says_by_how_much():
    assert states(seen(told=keeper(lag=100)))["Stream"] is Health.FLOWING
    one = seen(told=keeper(lag=10_000))
    assert verdict(one) == (Health.BEHIND, "The stream is behind")
    assert judge(one)[2].facts[0] == "10,000 trades behind"


def test_a_stretched_trigger_shows():
    one = seen(told=keeper(stretched="2 s: 9,000 small files wait for care (5000)"))
    assert verdict(one)[0] is Health.BEHIND
    assert "small files" in judge(one)[2].facts[0]


def test_spark_that_starts_is_not_broken():
    assert verdict(seen(300, told=keeper(reported_at=None)))[0] is Health.LOADING


def test_a_lake_that_does_not_answer_hides_the_rest():
    one = seen(300)
    trouble = Trouble(NOW - 30 * SECOND, "The catalog does not answer.")
    broken = replace(one, frame=replace(one.frame, state=State.BROKEN, trouble=trouble))
    assert verdict(broken) == (Health.BROKEN, "The pipeline is broken: the lake")
    assert states(broken)["Feed"] is Health.UNKNOWN
    assert judge(broken)[3].facts == (
        "The catalog does not answer.",
        "since 2026-01-07 14:59:30 UTC",
    )


def test_before_the_first_frame_it_is_loading():
    assert verdict(Seen(Frame(), NOW, keeper()))[0] is Health.LOADING


def test_an_empty_lake_has_no_trade_yet():
    frame = frame_of({}, {}, feed=CONNECTED)
    assert verdict(Seen(frame, NOW, keeper())) == (Health.EMPTY, "No trade yet")


def test_a_past_moment_tells_nothing_of_the_present():
    one = seen(1)
    past = replace(one, frame=replace(one.frame, as_of=NOW), keeper={})
    assert states(past) == {
        "Feed": Health.FLOWING,
        "Kafka": Health.UNKNOWN,
        "Stream": Health.UNKNOWN,
        "Table": Health.FLOWING,
        "Screen": Health.FLOWING,
    }
    assert verdict(past)[1] == "At this moment: Trades are flowing"


def test_a_paused_page_says_that_it_stands_still():
    assert judge(seen())[4].state == "paused"


def test_the_payload_leaves_the_last_stage_to_the_screen():
    payload = chain(seen(), {Stage.KAFKA: Delay(0.004, 0.02, 99)})
    assert payload["live"]
    stages = {stage["name"]: stage for stage in payload["stages"]}
    assert stages["received → Kafka"]["p99"] == 0.02
    assert stages["received → Kafka"]["n"] == 99
    assert [name for name, stage in stages.items() if stage["here"]] == ["table → screen"]
    assert stages["Kafka → table"]["p50"] is None


@pytest.mark.parametrize(("p50", "shown"), [(0.2, True), (86_401.0, False), (-90_000.0, False)])
def test_a_recordings_venue_times_are_no_delay(p50, shown):
    (venue, *_) = chain(seen(), {Stage.VENUE: Delay(p50, p50, 5)})["stages"]
    assert (venue["p50"] is not None) is shown
    assert ("recording" in venue["note"]) is not shown
