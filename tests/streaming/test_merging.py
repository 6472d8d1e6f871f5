from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import LakeError
from catalog.schema import TRADES
from streaming.content import Content, total
from streaming.folding import Proofs
from streaming.merging import Stopped, cut, rows_within, survey

START = datetime(2026, 1, 2, 9, 30, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("conditions", pa.list_(pa.int32())),
        ("event_time", pa.timestamp("us", "UTC")),
        ("kafka_offset", pa.int64()),
    ]
)


@pytest.fixture
def files(tmp_path):
    """Three files whose times overlap, in row groups of ten rows."""
    opened = []
    for number in range(3):
        rows = [
            {
                "conditions": [number] if offset % 2 else None,
                "event_time": START + timedelta(seconds=20 * offset + number),
                "kafka_offset": 1000 * number + offset,
            }
            for offset in range(60)
        ]
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path, row_group_size=10)
        opened.append(pq.ParquetFile(path))
    yield opened
    for file in opened:
        file.close()


@pytest.mark.parametrize("most_bytes", [1, 2000, 10**9])
def test_slices_hold_every_row_once_and_in_order(files, most_bytes, monkeypatch):
    monkeypatch.setattr("streaming.merging._SLICE_BYTES", most_bytes)
    content, slices = survey(files, TRADES)
    parts = [rows_within(files, one, TRADES) for one in slices]
    assert total(map(Content.of, parts)) == content
    times = pa.concat_tables(parts)["event_time"].to_pylist()
    assert times == sorted(times)
    assert content.rows == 180


def test_a_slice_reads_only_the_row_groups_it_needs(files):
    read = []
    first_minute = int(START.timestamp()) // 60
    rows_within(files[:1], (first_minute, first_minute + 1), TRADES, lambda: read.append(1))
    assert len(read) == 1


def test_merging_can_be_stopped_between_two_batches(files):
    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        survey(files, TRADES, stop)


@given(st.dictionaries(st.integers(0, 1440), st.floats(1, 100), max_size=60), st.integers(1, 300))
def test_slices_cover_each_minute_once_and_are_no_larger_than_they_may(minutes, most):
    slices = cut(minutes, most)
    covered = [m for first, end in slices for m in range(first, end) if m in minutes]
    assert covered == sorted(minutes)
    for first, end in slices:
        sizes = [minutes[minute] for minute in range(first, end) if minute in minutes]
        assert sum(sizes) <= most or len(sizes) == 1


def test_a_content_that_differs_is_an_error_that_names_both():
    one, other = Content(3, 1, 2), Content(3, 1, 3)
    with pytest.raises(LakeError, match="symbol=AAPL would have changed") as raised:
        Proofs().compare("symbol=AAPL", one, other)
    assert str(one) in str(raised.value)
    assert str(other) in str(raised.value)


def test_proofs_of_two_piles_of_a_table_partition_add_up():
    proofs = Proofs()
    for content in (Content(1, 2, 3), Content(10, 20, 30)):
        proofs.compare("symbol=AAPL", content, content)
    assert proofs.contents == {"symbol=AAPL": str(Content(11, 22, 33))}
