import pyarrow as pa
import pytest

from serving.bars import SECOND
from serving.frames import Frame, Position
from serving.freshness import (
    WINDOW_SECONDS,
    Delay,
    Meter,
    Stage,
    select_table_delays,
    to_delay,
)
from serving.news import News

NOW = 1_700_000_000 * SECOND
MS = 1000


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def meter(clock):
    return Meter(clock)


def trades(*received: int, venue: int = 0, kafka: int = 0) -> pa.Table:
    """Trades received then, each so long after the venue's time and before Kafka's."""
    return pa.table(
        {
            "event_us": [at - venue for at in received],
            "received_us": list(received),
            "kafka_us": [at + kafka for at in received],
        }
    )


def news(rows: pa.Table | None, committed_at: int = NOW) -> News:
    frame = Frame(position=Position(1, committed_at, None, 0))
    return News(frame, frame, rows)


def test_each_stage_is_measured_for_each_trade(meter, clock):
    rows = trades(NOW - 900 * MS, NOW - 500 * MS, venue=80 * MS, kafka=5 * MS)
    clock.now = NOW + 200 * MS
    meter.saw(news(rows, committed_at=NOW))
    assert meter.delays() == {
        Stage.VENUE: Delay(0.08, 0.08, 2),
        Stage.KAFKA: Delay(0.005, 0.005, 2),
        Stage.TABLE: Delay(pytest.approx(0.695), pytest.approx(0.891), 2),
        Stage.READY: Delay(0.2, 0.2, 2),
        Stage.ALL: Delay(pytest.approx(0.9), pytest.approx(1.096), 2),
    }


def test_nothing_is_measured_without_trades(meter):
    meter.saw(news(None))
    assert meter.delays() == {}
    assert meter.per_second(60) == 0.0


def test_what_is_older_than_the_window_no_longer_counts(meter, clock):
    meter.saw(news(trades(NOW, venue=SECOND)))
    clock.now = NOW + 200 * SECOND
    meter.saw(news(trades(clock.now)))
    assert meter.delays()[Stage.VENUE].n == 2
    clock.now = NOW + (WINDOW_SECONDS + 1) * SECOND
    meter.saw(news(None))
    assert meter.delays()[Stage.VENUE] == Delay(0.0, 0.0, 1)


def test_a_rate_is_over_the_last_seconds_and_falls_in_a_silence(meter, clock):
    meter.saw(news(trades(*(NOW - i * SECOND for i in range(60)))))
    assert meter.per_second(10) == 1.0
    assert meter.per_second(60) == 1.0
    clock.now = NOW + 30 * SECOND
    assert meter.per_second(10) == 0.0
    assert meter.per_second(60) == 0.5


def test_a_catch_up_keeps_the_newest_trades_only(meter):
    for place in range(3):
        meter.saw(news(trades(*([NOW - place] * 60_000))))
    assert meter.delays()[Stage.ALL].n == 60_000


def test_delays_are_made_once_while_nothing_is_new(meter):
    meter.saw(news(trades(NOW)))
    assert meter.delays() is meter.delays()


def test_an_answer_in_microseconds_becomes_a_delay():
    assert to_delay([1_500_000.0, 2_000_000.0], 7) == Delay(1.5, 2.0, 7)
    assert to_delay(None, 0) is None


def test_without_a_commit_there_is_no_question():
    columns = ("committed_us", "place", "first", "last")
    nothing = pa.table({name: pa.array([], pa.int64()) for name in columns})
    assert select_table_delays(nothing, 0) is None
