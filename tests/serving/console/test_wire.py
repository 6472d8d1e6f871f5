import io

import pytest

from catalog.errors import ServiceError
from serving.console import wire

QUESTION = wire.Question("SELECT ?", {"trades": 2**62}, ("é", 1, 2.5, None), 10, 1_000, 0.5)


def test_messages_read_as_they_were_written():
    pipe = io.BytesIO()
    start = wire.Start({"TAPEHOUSE_CATALOG_URI": "http://127.0.0.1:1"}, 10**9, 2)
    wire.write(pipe, wire.START, start.to_bytes())
    wire.write(pipe, wire.QUESTION, QUESTION.to_bytes())
    wire.write(pipe, wire.DONE, wire.to_json(rows=3, cut="rows"))
    pipe.seek(0)
    kinds, payloads = zip(*(wire.read(pipe, 10_000) for _ in range(3)), strict=True)
    assert kinds == (wire.START, wire.QUESTION, wire.DONE)
    assert wire.Start.parse(payloads[0]) == start
    assert wire.Question.parse(payloads[1]) == QUESTION
    assert wire.from_json(payloads[2]) == {"rows": 3, "cut": "rows"}
    assert wire.read(pipe, 10_000) is None


def test_a_message_longer_than_expected_is_not_read():
    pipe = io.BytesIO()
    wire.write(pipe, wire.BATCH, b"x" * 101)
    pipe.seek(0)
    with pytest.raises(ServiceError, match="101 bytes"):
        wire.read(pipe, 100)


@pytest.mark.parametrize("kept", [1, 8, 9, 20])
def test_a_message_that_breaks_off_is_told_of(kept):
    pipe = io.BytesIO()
    wire.write(pipe, wire.BATCH, b"x" * 100)
    with pytest.raises(ServiceError, match="in the middle"):
        wire.read(io.BytesIO(pipe.getvalue()[:kept]), 1_000)
