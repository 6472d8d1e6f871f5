import struct
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.schema import TRADES
from catalog.tables import to_iceberg_schema
from streaming.content import Content, total

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("raw", pa.binary()),
        ("number", pa.float64()),
        ("count", pa.int64()),
        ("small", pa.int32()),
        ("list", pa.list_(pa.int32())),
        ("time", pa.timestamp("us", "UTC")),
    ]
)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(
    lambda t: t.replace(tzinfo=UTC)
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | st.sampled_from(["", "AAPL", "a"]) | st.text("aé\x00", max_size=3),
            "raw": st.none() | st.binary(max_size=3),
            "number": st.none() | st.sampled_from([0.0, -0.0, 1.5]) | st.floats(allow_nan=False),
            "count": st.none() | st.integers(-(2**63), 2**63 - 1),
            "small": st.none() | st.integers(-3, 3),
            "list": st.none() | st.lists(st.none() | st.integers(0, 3), max_size=3),
            "time": st.none() | TIMES,
        }
    ),
    max_size=6,
)


def of(rows):
    return Content.of(pa.Table.from_pylist(rows, SCHEMA))


def bits(row):
    number = row["number"]
    return tuple({**row, "number": None if number is None else struct.pack("d", number)}.items())


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert of(rows) == of(shuffled)


@settings(deadline=None)
@given(ROWS, ROWS)
def test_contents_of_parts_add_up_to_the_whole(one, other):
    assert of(one) + of(other) == of([*one, *other])
    assert total([of(one), of(other)]) == of([*other, *one])


@settings(deadline=None)
@given(ROWS, ROWS)
def test_equal_contents_are_equal_rows(one, other):
    same = sorted(map(repr, map(bits, one))) == sorted(map(repr, map(bits, other)))
    assert (of(one) == of(other)) == same


ROW = {
    "text": "AAPL",
    "raw": b"x",
    "number": 0.0,
    "count": 1,
    "small": 1,
    "list": [1, None],
    "time": datetime(2026, 1, 2, tzinfo=UTC),
}


@pytest.mark.parametrize(
    "change",
    [
        {"text": "aapl"},
        {"text": None},
        {"text": "None"},
        {"raw": b""},
        {"number": -0.0},
        {"number": None},
        {"number": 5e-324},
        {"count": 0},
        {"small": None},
        {"list": [1]},
        {"list": []},
        {"list": None},
        {"list": [None, 1]},
        {"time": datetime(2026, 1, 2, 0, 0, 0, 1, tzinfo=UTC)},
        {"count": 0, "small": 0},
    ],
    ids=str,
)
def test_any_change_of_a_row_shows_in_both_hashes(change):
    before, after = of([ROW]), of([{**ROW, **change}])
    assert before.rows == after.rows
    assert before.first != after.first
    assert before.second != after.second


def test_values_that_swap_columns_are_not_the_same():
    assert of([{**ROW, "count": 2, "small": 1}]) != of([{**ROW, "count": 1, "small": 2}])


def test_values_that_swap_rows_are_not_the_same():
    one, other = {**ROW, "text": "A", "count": 1}, {**ROW, "text": "B", "count": 2}
    assert of([one, other]) != of([{**one, "count": 2}, {**other, "count": 1}])


def test_a_row_that_is_there_twice_counts_twice():
    assert of([ROW, ROW]) != of([ROW])
    assert of([ROW, ROW]).first == 2 * of([ROW]).first % 2**64


def test_how_texts_are_encoded_does_not_matter():
    plain = pa.table({"text": pa.array(["A", "B", None, "A"])})
    encoded = pa.table({"text": plain["text"].dictionary_encode()})
    chunked = pa.concat_tables([plain.slice(0, 1), plain.slice(1)])
    assert Content.of(plain) == Content.of(encoded) == Content.of(chunked)


def test_a_slice_of_lists_is_hashed_as_what_it_holds():
    lists = [[1, 2], None, [], [None], [3], None, [1, 2]]
    whole = pa.table({"list": pa.array(lists, pa.list_(pa.int32()))})
    for first in range(len(lists)):
        fresh = pa.table({"list": pa.array(lists[first:], pa.list_(pa.int32()))})
        assert Content.of(whole.slice(first)) == Content.of(fresh)
    assert len({Content.of(whole.slice(n, 1)) for n in range(len(lists))}) == 5


def test_every_column_of_a_trade_has_a_word():
    schema = to_iceberg_schema(TRADES).as_arrow()
    nothing = pa.Table.from_pylist(
        [dict.fromkeys(schema.names)], pa.schema([field.with_nullable(True) for field in schema])
    )
    assert Content.of(nothing).rows == 1


def test_a_content_says_itself_in_one_word():
    assert str(Content(3, 1, 2)) == "3:" + "0" * 15 + "1" + "0" * 15 + "2"
