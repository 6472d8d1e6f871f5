"""The simulator as a server, as a player of recordings, and as a process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from catalog.errors import RecordingError, ServiceError
from ingest.faults import Faults
from ingest.finnhub import (
    TOO_MANY_SYMBOLS,
    Subscription,
    WireTrade,
    parse_frame,
    ping_frame,
    trade_frame,
)
from ingest.frame import Frame
from ingest.programs import SLOT_MS
from ingest.recording import open_writer
from ingest.simulator import Simulator
from tests.ingest.listening import SYMBOLS, TOKEN, listening, options, settings, wait_until

ROOT = Path(__file__).parent.parent.parent
RECORDED = [
    trade_frame([WireTrade("AAPL", number + 1, 1_760_000_000_000 + number, 1, None)])
    for number in range(300)
]


@contextmanager
def dial(simulator: Simulator, *symbols: str, token: str = TOKEN) -> Iterator[ClientConnection]:
    with connect(f"{simulator.url}?token={token}", close_timeout=1) as client:
        for symbol in symbols:
            client.send(Subscription(symbol).to_text())
        yield client


def take_trades(client: ClientConnection, count: int):
    trades = []
    while len(trades) < count:
        trades += parse_frame(client.recv(10), time.time_ns() // 1000, "test").trades
    return trades


def hear(client: ClientConnection) -> list[str]:
    """All that comes until the close."""
    heard = []
    try:
        while True:
            heard.append(client.recv(10))
    except ConnectionClosed:
        return heard


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "some.frames.jsonl.zst"
    with open_writer(path) as writer:
        for number, text in enumerate(RECORDED):
            writer.write(Frame(text, 1_760_000_000_000_000 + number * 10_000))
    return path


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
def test_without_the_right_token_nobody_gets_in(token):
    with (
        Simulator(options()) as simulator,
        pytest.raises(InvalidStatus) as refused,
        dial(simulator, token=token),
    ):
        pass
    assert refused.value.response.status_code == 401


def test_no_symbols_no_trades_and_only_those_that_were_asked_for():
    with Simulator(options(), rate=300) as simulator, dial(simulator, "NVDA") as client:
        assert {trade.symbol for trade in take_trades(client, 50)} == {"NVDA"}


def test_an_unsubscribed_symbol_falls_silent_and_frees_its_slot():
    with (
        Simulator(options(symbol_limit=1), rate=300) as simulator,
        dial(simulator, "NVDA") as client,
    ):
        take_trades(client, 5)
        client.send(Subscription("NVDA", wanted=False).to_text())
        client.send(Subscription("AAPL").to_text())
        wait_until(lambda: take_trades(client, 5)[-1].symbol == "AAPL", "the other symbol")
        assert {trade.symbol for trade in take_trades(client, 50)} == {"AAPL"}


def test_beyond_the_limit_comes_the_vendors_error():
    with Simulator(options(symbol_limit=1)) as simulator, dial(simulator, "A", "B") as client:
        frames = iter(lambda: parse_frame(client.recv(10), 0, "test").error, TOO_MANY_SYMBOLS)
        assert all(error is None for error in frames)


def test_what_is_no_subscription_comes_back_as_an_error():
    with Simulator(options()) as simulator, dial(simulator) as client:
        client.send("hello")
        assert parse_frame(client.recv(10), 0, "test").error == "Invalid message"


def test_pings_come_on_time():
    with Simulator(options(ping_seconds=0.05)) as simulator, dial(simulator) as client:
        assert [client.recv(10), client.recv(10)] == [ping_frame()] * 2


def test_a_second_connection_of_one_key_drops_both():
    with Simulator(options(one_connection=True)) as simulator, dial(simulator) as first:
        wait_until(lambda: simulator.subscriptions == [()], "the first to be let in")
        with dial(simulator) as second:
            for client in (first, second):
                with pytest.raises(ConnectionClosed):
                    client.recv(10)


def test_two_clients_of_one_seed_hear_the_same_trades():
    with (
        Simulator(options(), rate=300) as simulator,
        dial(simulator, *SYMBOLS) as one,
        dial(simulator, *SYMBOLS) as other,
    ):
        heard = [take_trades(client, 400) for client in (one, other)]
    first = max(trades[100].event_time for trades in heard)
    last = min(trades[-1].event_time for trades in heard)
    same = [
        [
            (t.symbol, t.event_time, t.price, t.size)
            for t in trades
            if first < t.event_time < last - SLOT_MS * 1000
        ]
        for trades in heard
    ]
    assert same[0] == same[1]
    assert same[0]


def test_live_trades_carry_the_time_of_now():
    with Simulator(options(), rate=300) as simulator, dial(simulator, "AAPL") as client:
        trade = take_trades(client, 20)[-1]
    assert abs(trade.event_time - trade.received_at) < 10_000_000


def test_faults_reach_the_client():
    faulty = options(faults=Faults(malformed=1.0))
    with Simulator(faulty, rate=300) as simulator, dial(simulator, "AAPL") as client:
        parsed = [parse_frame(client.recv(10), 0, "test") for _ in range(20)]
    assert sum(len(each.rejections) for each in parsed) >= 10


def test_a_recording_is_played_once_to_a_client_that_has_all_its_symbols(recording):
    with Simulator(options(), recording=recording) as simulator:
        with dial(simulator, "NVDA", "AAPL") as client:
            assert hear(client) == RECORDED
            assert client.close_code == 1000
        assert simulator.ended.wait(10)
        assert simulator.sent.frames == simulator.sent.trades == len(RECORDED)
        assert simulator.sent.lost_frames == 0


def test_a_recording_waits_until_its_symbols_are_asked_for(recording):
    with Simulator(options(), recording=recording) as simulator, dial(simulator, "NVDA") as client:
        with pytest.raises(TimeoutError):
            client.recv(0.3)
        client.send(Subscription("AAPL").to_text())
        assert client.recv(10) == RECORDED[0]


def test_at_full_speed_it_waits_for_a_client_but_never_sends_again(tmp_path):
    path = tmp_path / "more-than-all-buffers-hold.jsonl.zst"
    padding = ',"pad":"' + "x" * 40_000 + '"}'
    texts = [f"{text[:-1]}{padding}" for text in RECORDED]
    with open_writer(path) as writer:
        for text in texts:
            writer.write(Frame(text, 1_760_000_000_000_000))
    with Simulator(options(), recording=path) as simulator:
        with dial(simulator, "AAPL") as first:
            heard = [first.recv(10) for _ in range(5)]
            first.socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: simulator.subscriptions == [], "the first to be gone")
        assert not simulator.finished.is_set()
        with dial(simulator, "AAPL") as second:
            heard += hear(second)
        assert simulator.finished.is_set()
    assert heard[-1] == texts[-1]
    assert len(heard) == len(set(heard))
    assert [text for text in texts if text in heard] == heard


def test_who_comes_after_the_end_of_a_recording_is_sent_away(recording):
    with Simulator(options(), recording=recording) as simulator:
        with dial(simulator, "AAPL") as client:
            hear(client)
        assert simulator.ended.wait(10)
        with dial(simulator) as late:
            assert hear(late) == []
            assert late.close_code == 1000


def test_at_a_finite_speed_what_is_due_while_nobody_listens_is_lost(recording):
    with Simulator(options(), recording=recording, speed=2.0) as simulator:
        with dial(simulator, "AAPL") as first:
            heard = [first.recv(10) for _ in range(5)]
        wait_until(lambda: simulator.sent.lost_frames > 20, "frames to be lost")
        with dial(simulator, "AAPL") as second:
            heard += hear(second)
        assert simulator.sent.frames + simulator.sent.lost_frames == len(RECORDED)
    assert len(heard) == len(set(heard)) <= len(RECORDED) - 20


def test_a_finite_speed_keeps_the_recordings_pace(recording):
    with Simulator(options(), recording=recording, speed=10.0) as simulator:
        with dial(simulator, "AAPL") as client:
            client.recv(10)
            began = time.monotonic()
            hear(client)
        assert time.monotonic() - began >= 0.8 * (len(RECORDED) - 1) * 0.01 / 10.0


def test_the_real_client_hears_every_frame_of_a_recording(recording):
    with Simulator(options(), recording=recording) as simulator:
        chosen = settings(simulator.url, symbols=("AAPL",))
        with listening(chosen, reconnect=lambda: not simulator.finished.is_set()) as listener:
            listener.thread.join(20)
            assert [frame.raw.decode() for frame in listener.frames()] == RECORDED


def test_a_broken_recording_is_refused_before_anyone_listens(tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text("nonsense\n")
    with pytest.raises(RecordingError, match="line 1"):
        Simulator(options(), recording=path)


def test_a_taken_port_says_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"127.0.0.1:{port}"), Simulator(options(port=port)):
            pass


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ingest.simulator", *arguments],
        cwd=ROOT,
        env={**os.environ, "FINNHUB_API_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def url_of(process: subprocess.Popen) -> str:
    for line in process.stdout:
        if found := re.search(r"ws://[0-9.]+:[0-9]+", line):
            return found.group()
    raise AssertionError("the simulator told no address")


def test_as_a_process_it_tells_its_address_and_stops_at_sigterm():
    with start("--rate", "300") as process:
        url = f"{url_of(process)}?token={TOKEN}"
        with connect(url) as client:
            client.send(Subscription("AAPL").to_text())
            client.recv(10)
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
            assert process.wait(10) == 0
    assert "ended" in rest
    assert TOKEN not in rest


def test_as_a_process_it_ends_with_its_recording_and_sums_up(recording):
    with start("--recording", str(recording), "--speed", "max") as process:
        with connect(f"{url_of(process)}?token={TOKEN}") as client:
            client.send(Subscription("AAPL").to_text())
            assert len(hear(client)) == len(RECORDED)
        rest = process.stdout.read()
        assert process.wait(10) == 0
    assert f"frames={len(RECORDED)} trades={len(RECORDED)} lost_frames=0" in rest


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--help"], 0, "examples:"),
        (["--fault", "nonsense"], 2, "name=probability"),
        (["--recording", "no-such-file.jsonl"], 11, "cannot be read"),
        (["--rate", "-1"], 2, "above zero"),
    ],
)
def test_the_command_line_helps_and_ends_with_the_errors_code(arguments, code, says):
    with start(*arguments) as process:
        output = process.stdout.read()
        assert process.wait(10) == code
    assert says in output
    assert "Traceback" not in output
