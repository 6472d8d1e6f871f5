from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.errors import LakeError, MomentError, QueryError, TapehouseError
from catalog.moments import Moment, parse_moment
from catalog.settings import LakeSettings
from serving import Lake
from tests.support.local_lake import LocalLake, Row, SeaweedFS, local_lake

pytestmark = pytest.mark.integration

_T = 1_700_000_000_000_000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("lake") / "weed") as lake:
        yield lake


@pytest.fixture
def writer(written: LocalLake) -> LocalLake:
    written.reset()
    return written


@pytest.fixture
def lake(writer: LocalLake) -> Iterator[Lake]:
    with Lake.open(writer.settings) as opened:
        yield opened


def rows(count: int, symbol: str = "AAPL") -> list[Row]:
    return [Row(symbol, _T + i, 100.0 + i, 1.5, (1,)) for i in range(count)]


def count(lake: Lake, as_of: Moment | None = None) -> int:
    (answer,) = lake.sql("SELECT count(*) AS n FROM trades", as_of).to_pylist()
    return int(answer["n"])


def test_each_query_sees_the_newest_snapshot(writer: LocalLake, lake: Lake) -> None:
    assert count(lake) == 0
    for commits in range(1, 4):
        writer.append(rows(2))
        assert count(lake) == 2 * commits


def test_a_moment_answers_with_its_own_rows(writer: LocalLake, lake: Lake) -> None:
    ids = [writer.append(rows(2)) for _ in range(3)]
    assert [count(lake, Moment(snapshot_id=one)) for one in ids] == [2, 4, 6]
    committed_at = lake.snapshots()[-2].committed_at
    assert count(lake, parse_moment(committed_at.isoformat())) == 4
    writer.trades.manage_snapshots().create_tag(ids[0], "before-the-open").commit()
    assert count(lake, parse_moment("before-the-open")) == 2


def test_a_moment_means_every_table(writer: LocalLake, lake: Lake) -> None:
    first = writer.append(rows(1))
    answer = lake.sql(
        "SELECT (SELECT count(*) FROM trades) AS trades,"
        " (SELECT count(*) FROM rejected) AS rejected,"
        " (SELECT count(*) FROM feed_events) AS feed_events",
        Moment(snapshot_id=first),
    )
    assert answer.to_pylist() == [{"trades": 1, "rejected": 0, "feed_events": 0}]


@pytest.mark.parametrize(
    "moment",
    [
        Moment(snapshot_id=12345),
        Moment(tag="never"),
        Moment(time=datetime.now(UTC) + timedelta(days=1)),
        Moment(time=datetime(2001, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_that_cannot_be_had_is_never_another(
    writer: LocalLake, lake: Lake, moment: Moment
) -> None:
    writer.append(rows(1))
    with pytest.raises(MomentError):
        count(lake, moment)


def test_queries_bind_their_parameters(writer: LocalLake, lake: Lake) -> None:
    writer.append([*rows(2), *rows(3, "BINANCE:BTCUSDT")])
    text = "SELECT count(*) AS n FROM trades WHERE symbol = ?"
    assert lake.sql(text, parameters=["BINANCE:BTCUSDT"]).to_pylist() == [{"n": 3}]
    assert lake.sql(text, parameters=["' OR 1=1 --"]).to_pylist() == [{"n": 0}]


def test_readers_beside_a_writer_see_whole_commits(writer: LocalLake, lake: Lake) -> None:
    def read(_: int) -> int:
        return count(lake)

    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(read, range(12))
        for _ in range(4):
            writer.append(rows(10))
        seen = list(answers)
    assert {n % 10 for n in seen} == {0}
    assert count(lake) == 40


@pytest.mark.parametrize(
    "text",
    [
        "SELEC 1",
        "SELECT * FROM nothing",
        "SELECT 1; SELECT 2",
        "",
        "DROP TABLE lake.market.trades",
        "INSERT INTO lake.market.trades SELECT * FROM trades",
        "ATTACH 'other.db'",
        "COPY trades TO '/tmp/stolen.csv'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "LOAD httpfs",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
        "SELECT * FROM read_parquet('s3://elsewhere/x.parquet')",
        "SELECT * FROM rows",
    ],
)
def test_what_is_wrong_or_not_reading_is_a_query_error(lake: Lake, text: str) -> None:
    with pytest.raises(QueryError):
        lake.sql(text)


def test_no_secret_can_be_read_back(writer: LocalLake, lake: Lake) -> None:
    shown = str(lake.sql("SELECT * FROM duckdb_secrets()").to_pylist())
    assert writer.settings.store_secret_key.get_secret_value() not in shown


def test_wrong_credentials_are_a_lake_error_without_the_secret(writer: LocalLake) -> None:
    settings = writer.settings.model_copy(
        update=LakeSettings.read(credential="nobody:canary-secret-value").model_dump(
            include={"credential"}
        )
    )
    with pytest.raises(TapehouseError) as caught:
        Lake.open(settings)
    assert isinstance(caught.value, LakeError)
    assert "canary-secret-value" not in str(caught.value)


def test_an_outage_is_a_lake_error_and_ends_by_itself(tmp_path: Path) -> None:
    server = SeaweedFS(tmp_path / "weed")
    server.start()
    try:
        writer = LocalLake(server.settings)
        writer.append(rows(2))
        with Lake.open(server.settings) as lake:
            assert count(lake) == 2
            server.stop()
            with pytest.raises(LakeError):
                count(lake)
            server.start()
            assert count(lake) == 2
    finally:
        server.stop()
