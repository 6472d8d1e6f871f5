import io

import pyarrow as pa
import pytest

from catalog.errors import QueryError, ServiceError
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


@pytest.mark.parametrize(
    "asked",
    [
        wire.Asked("me", "SELECT 1"),
        wire.Asked(
            "é", "SELECT ?\n", "2026-01-02T03:04:05+00:00", ("a", 1, 2.5, True, None), 2.5, 7
        ),
    ],
)
def test_what_is_asked_reads_as_it_was_written_in_one_line(asked):
    sent = asked.to_bytes()
    assert b"\n" not in sent
    assert wire.Asked.parse(sent) == asked


def test_a_number_is_no_truth_and_a_truth_no_number():
    sent = wire.Asked("me", "", parameters=(1, True)).to_bytes()
    assert [type(value) for value in wire.Asked.parse(sent).parameters] == [int, bool]


def test_what_is_no_question_is_said_without_what_was_sent():
    with pytest.raises(QueryError, match="sql") as refused:
        wire.Asked.parse(b'{"user": "me", "statement": "canary"}')
    assert "canary" not in str(refused.value)


TABLES = [
    pa.table({"n": pa.array([], pa.int64())}),
    pa.table({"n": [1, None], "l": [[1], []], "d": pa.array(["x", "y"]).dictionary_encode()}),
    pa.Table.from_batches(
        [
            pa.record_batch({"d": pa.array(words).dictionary_encode()})
            for words in (["a", "b"], ["c"], ["b"])
        ]
    ),
]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("cut", ["", "rows"])
def test_an_outcome_reads_as_it_was_written_and_knows_its_size(table, cut):
    outcome, sink = wire.Outcome(table, cut, 0.125), io.BytesIO()
    outcome.write(sink)
    assert outcome.size == len(sink.getvalue())
    again = wire.Outcome.parse(sink.getvalue())
    assert again.table.to_pylist() == table.to_pylist()
    assert again.table.schema == table.schema
    assert (again.cut, again.seconds) == (cut, 0.125)


def test_a_stream_that_is_no_outcome_is_a_value_error():
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, TABLES[0].schema) as writer:
        writer.write_table(TABLES[0])
    for content in (b"", b"nonsense", sink.getvalue()):
        with pytest.raises(ValueError, match=r"Arrow|float"):
            wire.Outcome.parse(content)
