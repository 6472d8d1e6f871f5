import pyarrow as pa
import pytest

from serving.console.child import _fitting

BATCH = pa.record_batch({"n": pa.array(range(100), pa.int64())})


@pytest.mark.parametrize(
    ("rows", "size", "kept", "cut"),
    [
        (100, 800, 100, ""),
        (101, 801, 100, ""),
        (99, 800, 99, "rows"),
        (0, 800, 0, "rows"),
        (100, 799, 99, "bytes"),
        (100, 8, 1, "bytes"),
        (100, 7, 0, "bytes"),
        (50, 399, 49, "bytes"),
    ],
)
def test_as_many_rows_are_kept_as_both_limits_allow(rows, size, kept, cut):
    batch, by = _fitting(BATCH, rows, size)
    assert (batch.num_rows, by) == (kept, cut)
    assert batch.equals(BATCH.slice(0, kept))
