import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.expressions import AlwaysTrue

from catalog.schema import TRADES
from serving.bars import SECOND, Interval, from_arrow, select_bars
from serving.frames import Frame, State
from serving.lake import Lake
from serving.live import LiveMarket
from serving.queries import select_trades, table_at
from tests.support.local_lake import LocalLake, Row, SeaweedFS, local_lake

pytestmark = pytest.mark.integration

_SECONDS = 60
_T = 1_700_000_000 * SECOND


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("live") / "weed") as lake:
        yield lake


@pytest.fixture
def writer(written: LocalLake) -> LocalLake:
    written.reset()
    return written


def one_day(seed: int, count: int = 400) -> list[Row]:
    """Trades of two symbols over five hours, in the order received, some late, some odd lots."""
    chance = random.Random(seed)
    rows = []
    for i in range(count):
        late = chance.randrange(3600) if chance.random() < 0.1 else 0
        rows.append(
            Row(
                chance.choice(["AAPL", "BINANCE:BTCUSDT"]),
                _T + (i * 5 * 3600 // count - late) * SECOND,
                round(chance.uniform(90, 110), 2),
                chance.choice([0.1, 1.0, 250.0]),
                chance.choice([None, (1,), (1, 12), (16,)]),
                received_at=_T + i * SECOND,
            )
        )
    return [Row(**{**row.__dict__, "kafka_partition": int(row.symbol != "AAPL")}) for row in rows]


def settle(market: LiveMarket) -> Frame:
    """Step until nothing more is waiting to be read."""
    while market.step() == 0:
        pass
    return market.frame


def assert_equal_to_the_lake(frame: Frame, writer: LocalLake) -> None:
    assert frame.position is not None
    with Lake.open(writer.settings) as lake:
        for symbol in frame.quotes:
            trades = select_trades(table_at(TRADES, frame.position.snapshot_id), symbol, 0, 2 * _T)
            for interval in (Interval.M1, Interval.M5, Interval.H1, Interval.D1):
                answer = from_arrow(lake.run(select_bars(trades, interval)))
                assert list(frame.bars(symbol, interval)) == answer[symbol]


def test_an_empty_lake_is_empty_and_not_broken(writer: LocalLake) -> None:
    market = LiveMarket(writer.settings)
    assert settle(market).state is State.EMPTY
    writer.append([Row("AAPL", _T, 100.0, 1.0)])
    frame = settle(market)
    market.stop()
    assert frame.state is State.LIVE
    assert frame.quotes["AAPL"].last == 100.0


def test_bars_equal_the_lakes_own_however_the_trades_arrived(writer: LocalLake) -> None:
    trades = one_day(1)
    writer.append(trades[:150])
    market = LiveMarket(writer.settings)
    settle(market)
    for start in range(150, 400, 50):
        writer.append(trades[start : start + 50])
        settle(market)
    assert_equal_to_the_lake(market.frame, writer)
    fresh = LiveMarket(writer.settings)
    assert settle(fresh).kept_bars.keys() == market.frame.kept_bars.keys()
    assert_equal_to_the_lake(fresh.frame, writer)
    shown = [(row.symbol, row.price, row.size) for row in market.frame.tape]
    assert shown == [(row.symbol, row.price, row.size) for row in fresh.frame.tape]
    market.stop()
    fresh.stop()


def test_a_trade_is_counted_once_when_files_are_compacted_beside_it(writer: LocalLake) -> None:
    trades = one_day(2, 100)
    market = LiveMarket(writer.settings)
    for start in range(0, 60, 20):
        writer.append(trades[start : start + 20])
        settle(market)
    table = writer.trades
    everything: pa.Table = table.scan().to_arrow()
    table.overwrite(everything, AlwaysTrue())
    settle(market)
    writer.append(trades[60:])
    frame = settle(market)
    market.stop()
    assert frame.position is not None
    assert frame.position.rows == 100
    assert frame.tape[0].serial == 100
    assert_equal_to_the_lake(frame, writer)


def test_a_new_topic_partition_is_noticed(writer: LocalLake) -> None:
    market = LiveMarket(writer.settings)
    writer.append([Row("IC MARKETS:1", _T, 1.0, 1.0, kafka_partition=1)])
    settle(market)
    writer.append(
        [Row("B", _T, 2.0, 1.0, kafka_partition=0), Row("C", _T, 3.0, 1.0, kafka_partition=5)]
    )
    frame = settle(market)
    market.stop()
    assert sorted(frame.quotes) == ["B", "C", "IC MARKETS:1"]


def test_tables_made_anew_begin_a_new_market(writer: LocalLake) -> None:
    market = LiveMarket(writer.settings)
    writer.append([Row("OLD", _T, 1.0, 1.0)])
    settle(market)
    writer.reset()
    writer.append([Row("NEW", _T, 2.0, 1.0)])
    frame = settle(market)
    market.stop()
    assert sorted(frame.quotes) == ["NEW"]


def test_nothing_is_published_when_nothing_changed(writer: LocalLake) -> None:
    writer.append([Row("AAPL", _T, 100.0, 1.0)])
    market = LiveMarket(writer.settings)
    version = settle(market).version
    for _ in range(3):
        market.step()
    assert market.frame.version == version
    market.stop()


def test_an_outage_shows_its_reason_keeps_the_data_and_ends_by_itself(tmp_path: Path) -> None:
    server = SeaweedFS(tmp_path / "weed")
    server.start()
    try:
        writer = LocalLake(server.settings)
        writer.append([Row("AAPL", _T, 100.0, 1.0)])
        with LiveMarket(server.settings, every_seconds=0.1) as market:
            market.wait_for(lambda frame: frame.state is State.LIVE, _SECONDS)
            server.stop()
            broken = market.wait_for(lambda frame: frame.state is State.BROKEN, _SECONDS)
            assert broken.trouble is not None
            assert server.settings.catalog_uri in broken.trouble.reason
            assert broken.quotes["AAPL"].last == 100.0
            server.start()
            market.wait_for(lambda frame: frame.state is State.LIVE, _SECONDS)
            writer.append([Row("AAPL", _T + SECOND, 101.0, 1.0)])
            market.wait_for(lambda frame: frame.quotes["AAPL"].last == 101.0, _SECONDS)
    finally:
        server.stop()
