import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from catalog.errors import QueryError
from serving.console import export

TABLE = pa.table(
    {
        "symbol": ["AAPL", 'a "quoted", one', None],
        "price": [1.5, None, 3.0],
        "at": pa.array([datetime(2026, 1, 2, 3, 4, 5, 6, UTC)] * 3, pa.timestamp("us", "UTC")),
        "value": pa.array([Decimal("1.250000000000")] * 3, pa.decimal128(38, 12)),
        "conditions": [[1, 12], [], None],
        "key": [{"t": 1, "p": b"\x00"}] * 3,
    }
)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_formats_with_types_give_the_same_table_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"answer{suffix}"
    export.write(TABLE.replace_schema_metadata({b"tapehouse.cut": b"rows"}), path)
    if suffix == ".parquet":
        read = parquet.read_table(path)
    else:
        with pa.ipc.open_file(path) as reader:
            read = reader.read_all()
    assert read.equals(TABLE)
    assert read.schema.metadata is None


def test_csv_holds_every_value_and_lists_as_json() -> None:
    file = io.BytesIO()
    export.write_to(TABLE, file, ".csv")
    file.seek(0)
    rows = csv.read_csv(file, parse_options=csv.ParseOptions(newlines_in_values=True)).to_pylist()
    assert rows[0]["symbol"] == "AAPL"
    assert rows[1]["symbol"] == 'a "quoted", one'
    assert [row["conditions"] for row in rows] == ["[1,12]", "[]", ""]
    assert rows[0]["key"] == '{"t":1,"p":"00"}'
    assert rows[0]["value"] == 1.25


def test_a_name_that_says_no_format_is_refused() -> None:
    with pytest.raises(QueryError, match=r"\.csv, \.parquet, \.arrow"):
        export.check(Path("answer.xls"))
