"""Recordings: what is written reads back, what is broken says where, and no half file stays."""

import os
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import RecordingError
from ingest.finnhub import parse_frame
from ingest.frame import Frame
from ingest.programs import Contents
from ingest.recording import open_writer, read_recording, record, recording_name
from ingest.simulator import Simulator
from tests.ingest.listening import options, settings, wait_until

FRAMES = [
    Frame('{"type":"ping"}', 1_760_000_000_123_456),
    Frame('{"data":[],"type":"trade"}', 1_760_000_000_123_457),
    Frame("", 1_760_000_001_000_000),
    Frame("ünïcödé \u2028", 1_760_000_001_000_001),
]
GOOD = b'{"received_at":"2026-01-02T15:04:05.678Z","frame":"{}"}\n'


@pytest.mark.parametrize("suffix", ["", ".zst"])
def test_what_is_written_reads_back(tmp_path, suffix):
    path = tmp_path / f"some.frames.jsonl{suffix}"
    with open_writer(path) as writer:
        for frame in FRAMES:
            writer.write(frame)
    assert list(read_recording(path)) == FRAMES
    assert writer.frames == len(FRAMES)
    assert list(tmp_path.iterdir()) == [path]


@given(st.lists(st.binary(max_size=50)))
def test_any_bytes_that_came_as_a_frame_can_be_recorded(tmp_path_factory, raws):
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    with open_writer(path) as writer:
        for raw in raws:
            writer.write(Frame(raw, 0))
    back = [frame.raw for frame in read_recording(path)]
    assert [raw.encode() if isinstance(raw, str) else raw for raw in back] == raws


def test_a_suffix_of_zst_means_compressed(tmp_path):
    path = tmp_path / "some.frames.jsonl.zst"
    with open_writer(path) as writer:
        writer.write(FRAMES[0])
    assert path.read_bytes().startswith(b"\x28\xb5\x2f\xfd")


def test_a_name_loses_its_suffixes():
    assert recording_name("/a/us-equities.frames.jsonl.zst") == "us-equities"
    assert recording_name("day.frames.jsonl") == "day"
    assert recording_name("other.txt") == "other.txt"


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[]",
        b'{"frame":"{}"}',
        b'{"received_at":"2026-01-02T15:04:05Z"}',
        b'{"received_at":"2026-01-02T15:04:05","frame":"{}"}',
        b'{"received_at":"yesterday","frame":"{}"}',
        b'{"received_at":7,"frame":"{}"}',
        b'{"received_at":"2026-01-02T15:04:05Z","frame":{}}',
        b'{"received_at":"2026-01-02T15:04:05Z","frame_base64":"%"}',
        b"\xff\xfe",
    ],
)
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(GOOD + GOOD + line + b"\n" + GOOD)
    frames = read_recording(path)
    assert [next(frames).raw, next(frames).raw] == ["{}", "{}"]
    with pytest.raises(RecordingError, match="line 3"):
        next(frames)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(RecordingError, match="cannot be read"):
        list(read_recording(tmp_path / "none.jsonl"))


def test_a_file_that_is_not_zstandard_says_so(tmp_path):
    path = tmp_path / "wrong.jsonl.zst"
    path.write_bytes(GOOD)
    with pytest.raises(RecordingError, match="cannot be read"):
        list(read_recording(path))


def test_a_compressed_file_that_is_cut_off_is_an_error_not_an_end(tmp_path):
    path = tmp_path / "whole.jsonl.zst"
    with open_writer(path) as writer:
        for number in range(5000):
            writer.write(Frame(os.urandom(20).hex(), number))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(RecordingError):
        list(read_recording(path))


def test_a_failure_leaves_what_was_there_and_no_half_made_file(tmp_path):
    path = tmp_path / "kept.jsonl"
    path.write_bytes(GOOD)

    def fail_halfway():
        with open_writer(path) as writer:
            writer.write(FRAMES[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert path.read_bytes() == GOOD
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_says_so(tmp_path):
    with (
        pytest.raises(RecordingError, match="cannot be written"),
        open_writer(tmp_path / "no" / "x"),
    ):
        pass


@pytest.mark.parametrize("suffix", [".frames.jsonl", ".frames.jsonl.zst"])
def test_recording_the_feed_keeps_every_frame_in_order(tmp_path, suffix):
    stop = Event()
    with Simulator(options(), rate=500) as simulator:
        path = tmp_path / f"live{suffix}"
        frames = []
        thread = Thread(target=lambda: frames.append(record(settings(simulator.url), path, stop)))
        thread.start()
        wait_until(lambda: simulator.sent.frames > 20, "some frames")
        stop.set()
        thread.join(10)
    recorded = list(read_recording(path))
    assert [len(recorded)] == frames
    assert len(recorded) > 10
    times = [frame.received_at for frame in recorded]
    assert times == sorted(times)
    trades = [
        trade
        for frame in recorded
        for trade in parse_frame(frame.raw, frame.received_at, "test").trades
    ]
    assert Contents.of(path).symbols == {trade.symbol for trade in trades}
    assert sum(Contents.of(path).trades) == len(trades)
