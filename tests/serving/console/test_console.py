import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from structlog.testing import capture_logs

from catalog.errors import LakeError, MomentError, QueryError, TapehouseError
from catalog.moments import Moment
from catalog.settings import environment_of
from serving.console.child import _answer
from serving.console.console import Console
from serving.console.sealed import open_sealed
from serving.console.settings import ConsoleSettings
from serving.console.wire import DONE, Question, read
from tests.support.consoles import ENDLESS, is_there, until_running
from tests.support.local_lake import LocalLake, Row, SeaweedFS, local_lake
from tests.support.sql_good import GOOD

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LIMITS = ConsoleSettings(
    seconds=20, rows=500, megabytes=1, memory_megabytes=128, spares=1, at_once=2
)
_T = 1_700_000_000_000_000


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLake]:
    with local_lake(tmp_path_factory.mktemp("lake") / "weed") as lake:
        lake.append([Row("AAPL", _T + i, 100.0 + i, 1.5, (1, 12)) for i in range(300)])
        lake.append([Row("MSFT", _T + i, 200.0 + i, 2.5) for i in range(300)])
        yield lake


@pytest.fixture(scope="module")
def snapshot_ids(lake: LocalLake) -> list[int]:
    return [snapshot.snapshot_id for snapshot in lake.trades.metadata.snapshots]


@pytest.fixture(scope="module")
def console(lake: LocalLake) -> Iterator[Console]:
    with Console(lake.settings, LIMITS) as console:
        yield console


def rows(console: Console, sql: str, **options: object) -> list[dict[str, object]]:
    return console.ask("somebody", sql, **options).table.to_pylist()


def kinds(messages: bytes) -> list[bytes]:
    stream = io.BytesIO(messages)
    return [kind for kind, _ in iter(lambda: read(stream, 2_000_000), None)]


@pytest.fixture
def busy(console: Console) -> Iterator[Future]:
    """Somebody's question that never ends by itself."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(console.ask, "busy", ENDLESS)
        until_running(console, "busy")
        yield future
        console.cancel("busy")


def test_what_people_ask_is_answered(lake, snapshot_ids):
    """In one process, for speed: each of its own does the same between start and end."""
    failed = {}
    with open_sealed(lake.settings, memory_limit="128MB", threads=1) as database:
        for sql in GOOD:
            text = sql.replace("{snapshot}", str(snapshot_ids[-2]))
            answers = io.BytesIO()
            try:
                _answer(database, Question(text, {}, (), 500, 1_000_000, 20.0), answers)
            except (duckdb.Error, TapehouseError) as error:
                failed[sql] = str(error)
            else:
                assert kinds(answers.getvalue())[-1] == DONE
    assert failed == {}


def test_a_moment_answers_with_its_own_rows(console, snapshot_ids):
    count = "SELECT count(*) AS n FROM trades"
    assert rows(console, count) == [{"n": 600}]
    assert rows(console, count, as_of=Moment(snapshot_id=snapshot_ids[-2])) == [{"n": 300}]
    with pytest.raises(MomentError):
        rows(console, count, as_of=Moment(snapshot_id=1))


def test_each_question_sees_the_newest_snapshot_though_its_process_is_older(lake, console):
    console.prepare()
    console._spares[0].wait_ready()
    ready = console._spares[0].pid
    lake.append([Row("NVDA", _T, 1.0, 1.0)])
    assert rows(console, "SELECT count(*) AS n FROM trades WHERE symbol = 'NVDA'") == [{"n": 1}]
    assert not is_there(ready)


def test_what_stands_for_a_value_is_never_sql(console):
    text = "SELECT ? AS a, ?::INT + 1 AS b"
    answer = rows(console, text, parameters=["'; DROP TABLE x --", 41])
    assert answer == [{"a": "'; DROP TABLE x --", "b": 42}]


def test_an_answer_is_cut_by_rows_and_by_bytes_and_says_so(console):
    by_rows = console.ask("somebody", "SELECT * FROM range(100000)")
    assert (by_rows.table.num_rows, by_rows.cut) == (500, "rows")
    fewer = console.ask("somebody", "SELECT * FROM range(100000)", rows=7)
    assert (fewer.table.num_rows, fewer.cut) == (7, "rows")
    more = console.ask("somebody", "SELECT * FROM range(100000)", rows=10_000)
    assert more.table.num_rows == 500
    by_bytes = console.ask("somebody", "SELECT repeat('x', 100000) AS t FROM range(400)")
    assert by_bytes.cut == "bytes"
    assert 900_000 < by_bytes.table.nbytes <= 1_000_000
    whole = console.ask("somebody", "SELECT * FROM range(500)")
    assert (whole.table.num_rows, whole.cut) == (500, "")
    with pytest.raises(QueryError, match="One row is larger"):
        console.ask("somebody", "SELECT repeat('x', 2000000)")


def test_an_answer_without_rows_has_its_columns(console):
    answer = console.ask("somebody", "SELECT symbol, price FROM trades WHERE false")
    assert answer.table.column_names == ["symbol", "price"]
    assert answer.table.num_rows == 0


def test_the_deadline_ends_a_question(console):
    started = time.monotonic()
    with pytest.raises(QueryError, match="longer than 1 s"):
        console.ask("somebody", ENDLESS, seconds=1)
    assert time.monotonic() - started < 10


def test_a_question_can_be_cancelled(console, busy):
    pid = console._running["busy"].pid
    assert console.cancel("busy")
    with pytest.raises(QueryError, match="cancelled"):
        busy.result(5)
    assert not is_there(pid)
    assert not console.cancel("busy")


def test_one_question_a_user_and_so_many_in_all(console, busy):
    with pytest.raises(QueryError, match="last query still runs"):
        console.ask("busy", "SELECT 1")
    assert rows(console, "SELECT 1 AS a") == [{"a": 1}]
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(console.ask, "second", ENDLESS)
        until_running(console, "second")
        with pytest.raises(QueryError, match="2 queries of others run now"):
            console.ask("third", "SELECT 1")
        console.cancel("second")
        with pytest.raises(QueryError, match="cancelled"):
            second.result(5)
    assert rows(console, "SELECT 2 AS a") == [{"a": 2}]


def test_the_process_holds_no_secret_where_others_can_look(lake, console, busy):
    pid = console._running["busy"].pid
    seen = Path(f"/proc/{pid}/cmdline").read_bytes()
    # Only root may look any further.
    with suppress(PermissionError):
        seen += Path(f"/proc/{pid}/environ").read_bytes()
    for secret in (lake.settings.credential, lake.settings.store_secret_key):
        words = [word for word in secret.get_secret_value().split(":") if word]
        assert words
        assert not any(word.encode() in seen for word in words)
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000"
    limits = Path(f"/proc/{pid}/limits").read_text()
    for name in ("Max file size", "Max core file size"):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line.removeprefix(name).split()[:2] == ["0", "0"]


def test_a_process_that_is_killed_from_outside_is_told_of(console, busy):
    os.kill(console._running["busy"].pid, signal.SIGKILL)
    with pytest.raises(QueryError, match="ended by the system"):
        busy.result(5)
    assert rows(console, "SELECT 1 AS a") == [{"a": 1}]


def test_no_process_outlives_the_one_that_asked(lake):
    program = (
        "import sys, threading, time\n"
        "from catalog.settings import LakeSettings\n"
        "from serving.console.console import Console\n"
        "from serving.console.settings import ConsoleSettings\n"
        "console = Console(LakeSettings.read(), ConsoleSettings())\n"
        "console.prepare()\n"
        "threading.Thread(target=console.ask, args=('a', sys.argv[1]), daemon=True).start()\n"
        "while console._running.get('a') is None: time.sleep(0.01)\n"
        "console._running['a'].wait_ready(); time.sleep(0.5)\n"
        "print(console._running['a'].pid, *(one.pid for one in console._spares), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, ENDLESS],
        env={**os.environ, **environment_of(lake.settings), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as asker:
        assert asker.stdout is not None
        pids = asker.stdout.readline().split()
        asker.kill()
    assert pids
    deadline = time.monotonic() + 20
    while any(map(is_there, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(filter(is_there, pids))


def test_every_question_leaves_a_line(console):
    with capture_logs() as lines:
        console.ask("ann", "SELECT 1")
        with pytest.raises(QueryError):
            console.ask("bob", "SELECT getenv('x')")
    told = [line for line in lines if line["event"] == "query"]
    assert [(line["user"], line["rows"]) for line in told] == [("ann", 1), ("bob", None)]
    assert "getenv is not allowed" in told[1]["ending"]


def test_times_and_decimals_come_back_as_they_are(console):
    (answer,) = rows(console, "SELECT min(event_time) AS t, 1.25::DECIMAL(38, 12) AS d FROM trades")
    assert isinstance(answer["t"], datetime)
    assert str(answer["d"]) == "1.250000000000"


def test_wrong_keys_are_a_lake_error_without_them(lake):
    wrong = lake.settings.model_copy(
        update={"credential": type(lake.settings.credential)("nobody:canary-secret")}
    )
    with Console(wrong, LIMITS) as console, pytest.raises(LakeError) as caught:
        console.ask("somebody", "SELECT 1")
    assert "canary-secret" not in str(caught.value)


def test_an_outage_is_a_lake_error_and_ends_by_itself(tmp_path):
    server = SeaweedFS(tmp_path / "weed")
    server.start()
    try:
        LocalLake(server.settings).append([Row("AAPL", _T, 1.0, 1.0)])
        with Console(server.settings, LIMITS) as console:
            assert len(rows(console, "FROM trades")) == 1
            server.stop()
            with pytest.raises(LakeError):
                rows(console, "FROM trades")
            server.start()
            assert len(rows(console, "FROM trades")) == 1
    finally:
        server.stop()
