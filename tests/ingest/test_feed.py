"""The feed against a real WebSocket server: the simulator."""

import shutil
import socket
import ssl
import subprocess
import traceback
from pathlib import Path
from threading import Event

import pytest

from catalog.errors import FeedError, FeedRefusedError, FeedThrottledError
from catalog.trade import FeedEventKind
from ingest.backoff import Backoff
from ingest.connection import Connection
from ingest.feed import Feed, is_transient
from ingest.finnhub import TOO_MANY_SYMBOLS, parse_frame
from ingest.simulator import Simulator
from tests.ingest.listening import SYMBOLS, TOKEN, listening, options, settings, wait_until

CONNECTED, DISCONNECTED = FeedEventKind.CONNECTED, FeedEventKind.DISCONNECTED
GAP, ERROR = FeedEventKind.GAP, FeedEventKind.ERROR


def test_it_subscribes_to_every_symbol_and_their_trades_arrive():
    with (
        Simulator(options(), rate=300) as simulator,
        listening(settings(simulator.url)) as listener,
    ):
        wait_until(lambda: listener.symbols() == set(SYMBOLS), "trades of every symbol")
        assert simulator.subscriptions == [SYMBOLS]
        assert listener.items[0].kind is CONNECTED
        assert all(frame.received_at > 10**15 for frame in listener.frames())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_over_tls_it_reads_as_it_does_without(tmp_path, monkeypatch):
    key, certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(certificate))
    with (
        Simulator(options(tls=context), rate=None) as simulator,
        listening(settings(simulator.url)) as listener,
    ):
        assert simulator.url.startswith("wss://")
        wait_until(lambda: len(listener.frames()) > 500, "frames")
        wait_until(lambda: listener.symbols() == set(SYMBOLS), "trades of every symbol")
        simulator.cut_clients()
        wait_until(lambda: listener.events(GAP), "the gap")
    assert not any(parse_frame(f.raw, f.received_at, "").rejections for f in listener.frames())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path):
    key, certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Simulator(options(tls=context)) as simulator, pytest.raises(FeedError) as refused:
        Connection.open(simulator.url, TOKEN, 5.0)
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused.value)
    assert simulator.connections == 0
    assert_no_token(refused.value)


def test_it_ends_in_order_when_told_to_stop():
    with Simulator(options(), rate=300) as simulator:
        with listening(settings(simulator.url)) as listener:
            wait_until(listener.frames, "a frame")
        assert listener.error is None
        assert listener.events(DISCONNECTED)[-1].detail == "stopped here"
        wait_until(lambda: simulator.subscriptions == [], "the venue to see it leave")


@pytest.mark.parametrize("how", ["close_clients", "cut_clients", "freeze_clients"])
def test_after_a_loss_it_reconnects_resubscribes_and_records_the_gap(how):
    with (
        Simulator(options(), rate=300) as simulator,
        listening(settings(simulator.url)) as listener,
    ):
        wait_until(listener.frames, "a frame")
        getattr(simulator, how)()
        wait_until(lambda: listener.events(GAP), "the gap")
        before = len(listener.frames())
        wait_until(lambda: len(listener.frames()) > before, "frames after the reconnect")
        assert SYMBOLS in simulator.subscriptions
        gap, lost = listener.events(GAP)[0], listener.events(DISCONNECTED)[0]
        place = listener.items.index(gap)
        last_frame = next(i for i in reversed(listener.items[:place]) if hasattr(i, "raw"))
        assert gap.from_time == lost.from_time == last_frame.received_at
        assert gap.to_time == listener.events(CONNECTED)[1].from_time


def test_a_half_open_connection_is_found_by_its_missing_pong():
    with (
        Simulator(options(), rate=300) as simulator,
        listening(settings(simulator.url)) as listener,
    ):
        wait_until(listener.frames, "a frame")
        simulator.freeze_clients()
        wait_until(lambda: listener.events(DISCONNECTED), "the disconnect")
        assert "answers no ping" in listener.events(DISCONNECTED)[0].detail


def test_silence_alone_is_no_reason_to_reconnect():
    with Simulator(options(), rate=0.000001) as simulator:
        quiet = settings(simulator.url, symbols=("AAPL",))
        with listening(quiet) as listener:
            simulated_silence = 6 * (0.3 + 0.3)
            Event().wait(simulated_silence)
            assert simulator.connections == 1
            assert not listener.events(DISCONNECTED)


def test_the_vendors_ping_frames_come_through_as_frames():
    with (
        Simulator(options(ping_seconds=0.05), rate=0.000001) as simulator,
        listening(settings(simulator.url)) as listener,
    ):
        wait_until(listener.frames, "a ping frame")
        assert parse_frame(listener.frames()[0].raw, 0, "test").ping


def test_a_wrong_token_stops_it_for_good_with_a_clear_message():
    with Simulator(options()) as simulator, listening(settings(simulator.url, "wrong")) as listener:
        listener.thread.join(20)
    assert isinstance(listener.error, FeedRefusedError)
    assert "FINNHUB_API_TOKEN" in str(listener.error)
    assert simulator.connections == 0
    assert [event.detail for event in listener.events(ERROR)] == [str(listener.error)]


@pytest.mark.parametrize(("told", "waited"), [(2.0, 2.0), (0.0, 0.5), (None, 0.01), (1e9, 3600)])
def test_throttled_it_waits_as_long_as_told_within_reason(told, waited):
    waits = []
    with Simulator(options(), rate=300) as simulator:
        simulator.throttle(1, told)
        with listening(settings(simulator.url), sleep=waits.append) as listener:
            wait_until(listener.frames, "a frame after the wait")
    assert waits[0] == waited
    assert "HTTP 429" in listener.events(ERROR)[0].detail


def test_over_the_symbol_limit_the_venue_says_so_and_the_rest_goes_on():
    with (
        Simulator(options(symbol_limit=2), rate=300) as simulator,
        listening(settings(simulator.url)) as listener,
    ):
        wait_until(lambda: listener.symbols() == set(SYMBOLS[:2]), "trades of the first two")
        errors = [parse_frame(f.raw, f.received_at, "test").error for f in listener.frames()]
        assert errors.count(TOO_MANY_SYMBOLS) == 1


def test_an_empty_and_a_binary_message_come_through_as_they_are():
    with (
        Simulator(options(), rate=0.000001) as simulator,
        listening(settings(simulator.url)) as listener,
    ):
        wait_until(lambda: simulator.subscriptions == [SYMBOLS], "the subscription")
        simulator.send("")
        simulator.send(b"\xff\xfe\x00")
        wait_until(lambda: len(listener.frames()) == 2, "both messages")
        assert [frame.raw for frame in listener.frames()] == [b"", b"\xff\xfe\x00"]


def test_time_in_which_we_do_not_read_is_not_held_against_the_peer():
    now = [0.0]
    with Simulator(options(), rate=300) as simulator:
        items = iter(Feed(settings(simulator.url), monotonic=lambda: now[0]))
        next(item for item in items if hasattr(item, "raw"))
        now[0] += 3600.0
        later = [next(items) for _ in range(20)]
    assert all(hasattr(item, "raw") for item in later)


def test_an_earlier_runs_end_becomes_a_gap_at_the_first_connect():
    with (
        Simulator(options(), rate=300) as simulator,
        listening(settings(simulator.url), last_received_at=1_000_000) as listener,
    ):
        wait_until(listener.frames, "a frame")
        gap = listener.events(GAP)[0]
        assert gap.from_time == 1_000_000
        assert gap.to_time == listener.events(CONNECTED)[0].from_time


def test_where_nobody_listens_it_tries_again_ever_more_slowly():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        waits: list[float] = []
        with listening(settings(url), backoff=Backoff(), sleep=waits.append) as listener:
            wait_until(lambda: len(waits) >= 9, "nine tries")
    assert waits[5] > waits[0]
    assert max(waits) <= 60
    assert "cannot be reached" in listener.events(ERROR)[0].detail


def test_a_connection_that_held_starts_the_backoff_anew():
    now = [0.0]
    waits: list[float] = []
    backoff = Backoff(tries=8)
    with Simulator(options(), rate=300) as simulator:
        feed = Feed(
            settings(simulator.url),
            backoff=backoff,
            monotonic=lambda: now[0],
            sleep=waits.append,
        )
        for item in feed:
            if hasattr(item, "raw") and not waits:
                now[0] += 120.0
                simulator.cut_clients()
            if waits:
                break
    assert backoff.tries == 1
    assert waits[0] < 5


def test_only_a_refusal_is_fatal():
    assert is_transient(FeedError("lost"))
    assert is_transient(FeedThrottledError("later", 5))
    assert not is_transient(FeedRefusedError("never"))
    assert not is_transient(ValueError("a mistake of ours"))


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    how = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    whose = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    where = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *how, *whose, *where], check=True, capture_output=True)
    return key, certificate


ADDRESSES_THAT_FAIL = (
    "ws://127.0.0.1:1",
    "ws://no-such-host.invalid",
    "wss://127.0.0.1:1",
    "http://127.0.0.1:1",
    "not an address",
    "ws://127.0.0.1:notaport",
    f"ws://127.0.0.1:1/?token={TOKEN}",
)


@pytest.mark.parametrize("url", ADDRESSES_THAT_FAIL)
def test_the_token_is_in_no_error_of_a_connect_that_fails(url):
    with pytest.raises(FeedError) as caught:
        Connection.open(url, TOKEN, 2.0)
    assert_no_token(caught.value)


def test_the_token_is_in_no_error_of_a_refusal_or_a_wait():
    with Simulator(options(token="another")) as simulator:
        with pytest.raises(FeedRefusedError) as refused:
            Connection.open(simulator.url, TOKEN, 5.0)
        simulator.throttle(1, 1)
        with pytest.raises(FeedThrottledError) as throttled:
            Connection.open(simulator.url, TOKEN, 5.0)
    assert_no_token(refused.value)
    assert_no_token(throttled.value)


def test_a_token_that_the_peer_sends_back_is_cut_out():
    with Simulator(options(), rate=300) as simulator:
        with listening(settings(simulator.url)) as listener:
            wait_until(listener.frames, "a frame")
            simulator.close_clients(1008, f"bad key {TOKEN}")
            wait_until(lambda: listener.events(DISCONNECTED), "the disconnect")
        assert "bad key ***" in listener.events(DISCONNECTED)[0].detail


def assert_no_token(error: BaseException) -> None:
    whole = "".join(traceback.format_exception(error)) + repr(error)
    assert TOKEN not in whole
    assert error.__context__ is None
    assert error.__cause__ is None
