from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from serving.screen.grid import to_grid

T = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def shown(column):
    return to_grid(pa.table({"x": column}))["x"].to_pylist()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None, 2**53]), [1, None, 2**53]),
        (pa.array([2**53 + 1, None]), ["9007199254740993", None]),
        (pa.array([-(2**63)]), [str(-(2**63))]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array([Decimal("1.25")]), [1.25]),
        (pa.array([[1, 12], None], pa.list_(pa.int32())), ["[1,12]", None]),
        (pa.array([{"<b>": "x"}]), ['{"<b>":"x"}']),
        (pa.array([b"\x00<"], pa.binary()), ["003c"]),
        (pa.array([time(14, 30)], pa.time64("us")), ["14:30:00"]),
        (pa.array([timedelta(seconds=90)], pa.duration("us")), ["0:01:30"]),
        (pa.array([date(2026, 11, 20)]), [date(2026, 11, 20)]),
        (pa.array([T], pa.timestamp("ns", "UTC")), [T]),
        (pa.array([True, None]), [True, None]),
        (pa.array([float("nan")]).cast(pa.float32()), pytest.approx([float("nan")], nan_ok=True)),
        (pa.array(["<script>", "\x01"]), ["<script>", "\x01"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        (pa.array([], pa.null()), []),
    ],
)
def test_every_type_has_a_form_that_a_browser_shows_exactly(column, expected):
    assert shown(column) == expected


def test_columns_of_one_name_are_told_apart():
    table = pa.table([pa.array([i]) for i in range(4)], names=["n", "n", "m", "n"])
    assert to_grid(table).column_names == ["n", "n (2)", "m", "n (3)"]
