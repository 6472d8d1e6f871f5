"""Time travel on a real store and catalog: moments, differences, histories, the notebook."""

import json
import math
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.expressions import EqualTo

from catalog.errors import MomentError
from catalog.moments import Moment
from catalog.schema import TRADES
from catalog.settings import environment_of
from serving import Lake, to_relation
from serving.asking import (
    AnyRequest,
    BarsRequest,
    DiffRequest,
    HistoryRequest,
    Request,
    answer,
    to_json,
)
from serving.bars import SECOND, Interval, from_arrow, select_bars
from serving.diff import Difference, _by_offsets, _row_by_row, diff
from serving.history import history, to_arrow
from serving.queries import select_trades, table_at
from serving.times import to_time
from tests.support.compaction import compact, expire
from tests.support.fake_docker import container, install
from tests.support.local_lake import LocalLake, Row, local_lake

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent
_MINUTE = 60 * SECOND
_T = 1_700_000_040 * SECOND  # a minute's start
_SYMBOLS = {"AAPL": 0, "MSFT": 0, "BINANCE:BTCUSDT": 1}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    """A lake with a past, which no test changes."""
    with local_lake(tmp_path_factory.mktemp("past") / "weed") as made:
        yield made


@pytest.fixture(scope="module")
def moments(past: LocalLake) -> list[int]:
    """Its snapshots, but for the first, empty one."""
    return fill(past)


@pytest.fixture(scope="module")
def lake(past: LocalLake) -> Iterator[Lake]:
    with Lake.open(past.settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("fresh") / "weed") as made:
        yield made


@pytest.fixture
def fresh(written: LocalLake) -> LocalLake:
    """An empty lake, to write to."""
    written.reset()
    return written


@pytest.fixture
def fresh_lake(fresh: LocalLake) -> Iterator[Lake]:
    with Lake.open(fresh.settings) as opened:
        yield opened


def made_up(chance: random.Random, minute: int, count: int = 12) -> list[Row]:
    """Trades of one minute, some of them late by up to half an hour, with all sorts of codes."""
    rows = []
    for _ in range(count):
        symbol = chance.choice(list(_SYMBOLS))
        late = chance.randrange(30) if chance.random() < 0.15 else 0
        time = _T + (minute - late) * _MINUTE + chance.randrange(12) * 5 * SECOND
        codes = chance.choice([None, (1,), (1, 12), (2,), (16,), (998,)])
        price = round(chance.uniform(90, 110), 2)
        rows.append(Row(symbol, time, price, chance.choice([0.1, 3.0]), codes, _SYMBOLS[symbol]))
    return rows


def fill(writer: LocalLake) -> list[int]:
    """Snapshots of appends, with messages between them that were rejected, and of compactions."""
    chance = random.Random(5)
    ids = []
    for minute in range(8):
        ids.append(writer.append(made_up(chance, minute)))
        # Rejected messages take offsets, too; they are in no row of trades.
        writer._next_offset[chance.randrange(2)] += chance.randrange(4)
        if minute % 3 == 2:
            ids.append(compact(writer.trades))
    return ids


def rows_at(writer: LocalLake, snapshot_id: int) -> dict[tuple[int, int], dict[str, Any]]:
    """The rows by their place in the topic, as pyiceberg reads them."""
    rows = writer.trades.scan(snapshot_id=snapshot_id).to_arrow().to_pylist()
    return {(row["kafka_partition"], row["kafka_offset"]): row for row in rows}


def bars_at(lake: Lake, snapshot_id: int, interval: Interval) -> dict[tuple[str, datetime], Any]:
    query = select_bars(select_trades(table_at(TRADES, snapshot_id)), interval)
    return {
        (symbol, to_time(bar.start)): bar
        for symbol, bars in from_arrow(lake.run(query)).items()
        for bar in bars
    }


def test_a_difference_of_any_two_moments_at_three_levels(
    past: LocalLake, lake: Lake, moments: list[int]
) -> None:
    rows = {one: rows_at(past, one) for one in moments}
    bars = {one: bars_at(lake, one, Interval.M1) for one in moments}
    for a, b in [*combinations(moments, 2), (moments[0], moments[0])][::4]:
        difference = diff(lake, str(a), str(b))
        new = {place: row for place, row in rows[b].items() if place not in rows[a]}
        assert difference.trades().to_pylist() == [
            {"change": "added", **new[place]} for place in sorted(new)
        ]
        counted = [Counter(row["symbol"] for row in some.values()) for some in (rows[a], rows[b])]
        added = Counter(row["symbol"] for row in new.values())
        assert difference.counts().to_pylist() == [
            {
                "symbol": symbol,
                "rows_a": counted[0][symbol],
                "rows_b": counted[1][symbol],
                "added": added[symbol],
                "removed": 0,
            }
            for symbol in sorted(counted[1])
        ]
        changed = {key for key in bars[b] if bars[a].get(key) != bars[b][key]}
        told = difference.bars("1m").to_pylist()
        assert [(row["symbol"], row["bar_start"]) for row in told] == sorted(changed)
        for row in told:
            key = (row["symbol"], row["bar_start"])
            for age, bar in (("old", bars[a].get(key)), ("new", bars[b][key])):
                for name in ("open", "high", "low", "close", "volume", "trade_count"):
                    assert row[f"{age}_{name}"] == (bar and getattr(bar, name)), (key, name)


def levels(difference: Difference) -> list[pa.Table]:
    return [
        difference.counts(),
        difference.bars("1m"),
        difference.bars("1d", "AAPL"),
        difference.trades(),
        difference.trades("MSFT"),
    ]


def test_offsets_tell_the_same_as_comparing_row_by_row(lake: Lake, moments: list[int]) -> None:
    for a, b in list(combinations(moments, 2))[::6]:
        pair = lake.at(str(a)).resolved, lake.at(str(b)).resolved
        by_offsets = _by_offsets(lake, pair)
        assert by_offsets is not None
        assert levels(by_offsets) == levels(_row_by_row(lake, pair))


def test_a_compaction_is_no_difference(fresh: LocalLake, fresh_lake: Lake) -> None:
    before = fresh.append(made_up(random.Random(1), 0))
    fresh.append(made_up(random.Random(2), 1))
    newest = fresh.trades.current_snapshot()
    compacted = compact(fresh.trades)
    assert newest is not None
    same = diff(fresh_lake, str(newest.snapshot_id), str(compacted))
    assert same.trades().num_rows == same.bars().num_rows == 0
    assert sum(same.counts()["added"].to_pylist()) == 0
    assert diff(fresh_lake, str(before), "live").trades().num_rows == 12


def test_rows_removed_by_hand_are_seen(fresh: LocalLake, fresh_lake: Lake) -> None:
    a = fresh.append(made_up(random.Random(3), 0, 40))
    fresh.trades.delete(EqualTo("symbol", "MSFT"))
    fresh.append(made_up(random.Random(4), 1, 5))
    gone = [row for row in rows_at(fresh, a).values() if row["symbol"] == "MSFT"]
    difference = diff(fresh_lake, str(a), "live")
    changes = Counter(row["change"] for row in difference.trades().to_pylist())
    assert changes == {"added": 5, "removed": len(gone)}
    [count] = difference.counts("MSFT").to_pylist()
    assert count["removed"] == len(gone) > 0
    [bar] = difference.bars("1d", "MSFT").to_pylist()
    key = ("MSFT", bar["bar_start"])
    then = bars_at(fresh_lake, a, Interval.D1)[key]
    now = bars_at(fresh_lake, fresh_lake.snapshots()[-1].snapshot_id, Interval.D1).get(key)
    assert (bar["old_close"], bar["old_volume"]) == (then.close, then.volume)
    assert bar["new_volume"] == (now and now.volume) != bar["old_volume"]


def test_a_symbol_that_moved_to_another_topic_partition_is_compared_row_by_row(
    fresh: LocalLake, fresh_lake: Lake
) -> None:
    rows = made_up(random.Random(6), 0, 20)
    a = fresh.append([replace(row, kafka_partition=n % 2) for n, row in enumerate(rows)])
    fresh.append([replace(row, kafka_partition=1) for row in made_up(random.Random(7), 1, 9)])
    pair = fresh_lake.at(str(a)).resolved, fresh_lake.at("live").resolved
    assert _by_offsets(fresh_lake, pair) is None
    assert diff(fresh_lake, str(a), "live").trades().num_rows == 9


def test_a_difference_goes_forward_in_time(lake: Lake, moments: list[int]) -> None:
    with pytest.raises(MomentError, match="goes forward in time"):
        diff(lake, "live", str(moments[0]))
    assert diff(lake, "live", "live").trades().num_rows == 0


def test_an_expired_moment_says_so(fresh: LocalLake, fresh_lake: Lake) -> None:
    moments = fill(fresh)
    gone, nearest = moments[2], moments[3]
    at_it = fresh_lake.at(str(gone))
    expired_at = at_it.committed_at
    expire(fresh.trades, gone)
    ways: Sequence[Callable[[str], object]] = (
        lambda moment: fresh_lake.sql("SELECT 1 FROM trades", moment),
        lambda moment: fresh_lake.at(moment).bars("AAPL", "1m"),
        lambda moment: diff(fresh_lake, moment, "live"),
        lambda moment: answer(fresh_lake, BarsRequest("AAPL", as_of=moment)),
    )
    for ask in ways:
        with pytest.raises(MomentError, match="expired"):
            ask(str(gone))
        with pytest.raises(MomentError, match=str(nearest)):
            ask(expired_at.isoformat())


def test_a_moment_that_expires_while_it_is_held_says_so(fresh: LocalLake, fresh_lake: Lake) -> None:
    moments = fill(fresh)
    at, difference = fresh_lake.at(str(moments[1])), diff(fresh_lake, str(moments[1]), "live")
    count = at.sql("SELECT count(*) FROM trades")
    expire(fresh.trades, moments[1])
    # What was read may be answered still; a new question asks the catalog.
    for ask in (lambda: at.sql("SELECT count(*) FROM latest"), lambda: at.bars("AAPL", "1m")):
        with pytest.raises(MomentError, match="expired meanwhile"):
            ask()
    assert count.to_pylist() == [{"count_star()": 24}]
    assert difference.trades().num_rows == 72


def test_the_lake_at_a_moment_stays_there(fresh: LocalLake, fresh_lake: Lake) -> None:
    moments = fill(fresh)
    at = fresh_lake.at(str(moments[1]))
    assert at.moment == Moment(snapshot_id=moments[1])
    assert at.snapshot_ids["trades"] == moments[1]
    assert set(at.snapshot_ids) == {"trades", "rejected", "feed_events"}
    expected = rows_at(fresh, moments[1])
    live = fresh_lake.at("live")
    fresh.append(made_up(random.Random(8), 9))
    for one, rows in ((at, expected), (live, rows_at(fresh, moments[-1]))):
        assert one.sql("SELECT count(*) AS n FROM trades").to_pylist() == [{"n": len(rows)}]
        assert one.trades().num_rows == len(rows)
    mine = [row for row in expected.values() if row["symbol"] == "MSFT"]
    assert at.trades("MSFT").to_pylist() == sorted(
        mine, key=lambda row: (row["event_time"], row["kafka_offset"])
    )
    start = to_time(_T)
    assert at.trades(start=start, end="2023-11-14T22:15:00Z").to_pylist() == [
        row for row in at.trades().to_pylist() if start <= row["event_time"] < to_time(_T + _MINUTE)
    ]


def test_plain_names_stand_at_the_moment(lake: Lake, moments: list[int]) -> None:
    for moment in moments[::4]:
        at = lake.at(str(moment))
        expected = bars_at(lake, moment, Interval.M1)
        shown = at.sql("SELECT * FROM bars_1m ORDER BY symbol, bar_start").to_pylist()
        assert [(row["symbol"], row["bar_start"]) for row in shown] == sorted(expected)
        for row in shown:
            bar = expected[row["symbol"], row["bar_start"]]
            assert (row["open"], row["close"], row["volume"]) == (bar.open, bar.close, bar.volume)
            assert bar.vwap is None or math.isclose(row["vwap"], bar.vwap, rel_tol=1e-12)
        of_one = [row for row in shown if row["symbol"] == "AAPL"]
        assert at.bars("AAPL", "1m").to_pylist() == of_one
        latest = at.sql("SELECT symbol, kafka_offset FROM latest").to_pylist()
        newest: dict[str, Any] = {}
        for row in at.trades().to_pylist():
            newest[row["symbol"]] = row["kafka_offset"]
        assert {row["symbol"]: row["kafka_offset"] for row in latest} == newest
        (counts,) = at.sql(
            "SELECT (SELECT count(*) FROM rejected) AS rejected,"
            " (SELECT count(*) FROM feed_events) AS events,"
            " (SELECT sum(volume) FROM bars_1h) = (SELECT sum(volume) FROM bars_1d) AS same"
        ).to_pylist()
        assert counts == {"rejected": 0, "events": 0, "same": True}


def test_a_query_may_name_snapshots_itself(lake: Lake, moments: list[int]) -> None:
    text = (
        "SELECT (SELECT count(*) FROM trades) AS then,"
        f" (SELECT count(*) FROM lake.market.trades AT (VERSION => {moments[0]})) AS first"
    )
    [row] = lake.at(str(moments[1])).sql(text).to_pylist()
    assert row == {"then": 24, "first": 12}


def test_bars_are_whole_whatever_their_bounds(lake: Lake, moments: list[int]) -> None:
    at = lake.at("live")
    every = at.bars("AAPL", "5m").to_pylist()
    start, end = to_time(_T + 2 * _MINUTE), to_time(_T + 11 * _MINUTE)
    assert at.bars("AAPL", "5m", start, end.isoformat()).to_pylist() == [
        row for row in every if start <= row["bar_start"] < end
    ]
    assert at.bars("NOBODY").num_rows == 0


def test_answers_are_arrow_pandas_and_relations(lake: Lake, moments: list[int]) -> None:
    bars = lake.at("live").bars("AAPL", "1m")
    assert isinstance(bars, pa.Table)
    assert list(bars.to_pandas()["volume"]) == bars["volume"].to_pylist()
    relation = to_relation(bars)
    assert isinstance(relation, duckdb.DuckDBPyRelation)
    assert relation.filter("trade_count > 0").aggregate("count(*)").fetchone() == (
        sum(count > 0 for count in bars["trade_count"].to_pylist()),
    )


def test_a_bar_tells_its_history(fresh: LocalLake, fresh_lake: Lake) -> None:
    first = fresh.append([Row("AAPL", _T + 5 * SECOND, 10.0, 1.0), Row("MSFT", _T, 99.0, 1.0)])
    fresh.append([Row("MSFT", _T + 9 * SECOND, 98.0, 1.0)])
    second = fresh.append(
        [Row("AAPL", _T + 30 * SECOND, 12.0, 2.0), Row("AAPL", _T + _MINUTE, 20.0, 1.0)]
    )
    compacted = compact(fresh.trades)
    late = fresh.append([Row("AAPL", _T + 31 * SECOND, 8.0, 4.0, (1,))])
    official = fresh.append([Row("AAPL", _T + 32 * SECOND, 9.0, 4.0, (16,))])
    steps = history(fresh_lake, "AAPL", to_time(_T + 17 * SECOND), "1m")
    assert [(s.snapshot.snapshot_id, s.kind, s.reason) for s in steps] == [
        (first, "append", "1 trade added"),
        (second, "append", "1 trade added"),
        (compacted, "compaction", "no data change"),
        (late, "append", "1 trade added, 1 of them late"),
        (official, "append", "1 trade added, 1 of them late, none of a kind that changes a bar"),
    ]
    names = ["open", "high", "low", "close", "volume"]
    assert [tuple(row.values()) for row in to_arrow(steps).select(names).to_pylist()] == [
        (10.0, 10.0, 10.0, 10.0, 1),
        (10.0, 12.0, 10.0, 12.0, 3),
        (10.0, 12.0, 10.0, 12.0, 3),
        (10.0, 12.0, 8.0, 8.0, 7),
        (10.0, 12.0, 8.0, 8.0, 7),
    ]
    assert [[p.kafka_offset for p in s.added] for s in steps] == [[0], [3], [], [5], [6]]
    assert history(fresh_lake, "NOBODY", to_time(_T)) == []
    bar_at_first = steps[0].bar
    expire(fresh.trades, first)
    steps = history(fresh_lake, "AAPL", to_time(_T))
    assert steps[0].reason == (
        "1 trade added, by several commits, of which those before this one are expired"
    )
    assert (steps[0].bar, len(steps)) == (bar_at_first, 5)


def test_every_step_of_a_history_is_the_bar_at_that_snapshot(
    fresh: LocalLake, fresh_lake: Lake
) -> None:
    moments = fill(fresh)
    expire(fresh.trades, moments[1], moments[5])
    bars = bars_at(fresh_lake, moments[-1], Interval.H1)
    for symbol, start in bars:
        steps = {
            s.snapshot.snapshot_id: s.bar for s in history(fresh_lake, symbol, start, Interval.H1)
        }
        told = None
        for snapshot in fresh_lake.snapshots():
            told = steps.get(snapshot.snapshot_id, told)
            assert told == bars_at(fresh_lake, snapshot.snapshot_id, Interval.H1).get(
                (symbol, start)
            )


def test_a_history_begins_anew_with_a_correction(fresh: LocalLake, fresh_lake: Lake) -> None:
    fresh.append([Row("AAPL", _T + n, 10.0 + n, 1.0) for n in range(3)])
    fresh.trades.delete(EqualTo("price", 11.0))
    fresh.append([Row("AAPL", _T + 5, 15.0, 1.0)])
    steps = history(fresh_lake, "AAPL", to_time(_T))
    told = [(step.kind, step.bar.trade_count if step.bar else 0) for step in steps]
    assert told == [("correction", 2), ("append", 3)]


@pytest.mark.parametrize(
    "request_",
    [
        Request("SELECT * FROM bars_1m ORDER BY ALL", "live"),
        BarsRequest("AAPL", "5m", start="2023-11-14"),
        DiffRequest("{0}", "live"),
        DiffRequest("{0}", "live", "bars", "1h", "MSFT"),
        DiffRequest("{0}", "live", "trades"),
        HistoryRequest("MSFT", "2023-11-14T22:16:00", "1h"),
    ],
)
def test_a_process_answers_through_its_pipes_as_this_one_does(
    past: LocalLake, lake: Lake, moments: list[int], request_: AnyRequest, tmp_path: Path
) -> None:
    if isinstance(request_, DiffRequest):
        request_ = replace(request_, a=str(moments[0]))
    done = subprocess.run(
        [sys.executable, "-m", "serving"],
        input=to_json(request_),
        env={**environment_of(past.settings), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=60,
    )
    with pa.ipc.open_stream(done.stdout) as reader:
        answered = reader.read_all()
    expected = answer(lake, request_)
    assert answered.num_rows > 0
    assert answered == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("bars", "AAPL", "--interval", "1h"), BarsRequest("AAPL", "1h")),
        (("diff", "{0}", "live", "--level", "bars"), DiffRequest("{0}", "live", "bars")),
        (("history", "MSFT", "2023-11-14T22:16"), HistoryRequest("MSFT", "2023-11-14T22:16")),
    ],
)
def test_the_command_line_asks_a_stack_through_its_container(
    past: LocalLake,
    lake: Lake,
    moments: list[int],
    tmp_path: Path,
    arguments: tuple[str, ...],
    expected: AnyRequest,
) -> None:
    """The fake engine runs here what the dashboard's container would run."""
    if isinstance(expected, DiffRequest):
        expected = replace(expected, a=str(moments[0]))
    given = [argument.format(moments[0]) for argument in arguments]
    done = subprocess.run(
        [Path(sys.executable).with_name("tapehouse"), "--stack", "dev", *given, "--format", "json"],
        env={
            **os.environ,
            **environment_of(past.settings),
            **install(tmp_path, [container("dashboard")]),
            "PYTHONPATH": str(ROOT),
        },
        cwd=tmp_path,
        capture_output=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)
    table = answer(lake, expected)
    assert [list(row) for row in told] == [table.column_names] * table.num_rows
    assert told
    assert {row["symbol"] for row in told if "symbol" in row} == (
        set(table["symbol"].to_pylist()) if "symbol" in table.column_names else set()
    )


def test_the_notebook_runs(
    past: LocalLake, moments: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notebook = json.loads((ROOT / "docs" / "time-travel.ipynb").read_text())
    for name, value in environment_of(past.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"display": lambda shown: None}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec("".join(cell["source"]), names)
    assert names["added"].num_rows == 48
    assert names["steps"]


def test_moments_are_utc(lake: Lake, moments: list[int]) -> None:
    assert lake.at("live").committed_at.tzinfo is UTC
