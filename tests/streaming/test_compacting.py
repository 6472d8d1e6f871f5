from datetime import date, timedelta

import pytest

from catalog.schema import TRADES
from streaming import compacting
from streaming.compacting import Ledger
from streaming.data_files import LiveFile

TODAY = date(2026, 1, 10)


def file(days_ago, name="sorted-1.parquet", symbol="AAPL"):
    place = f"event_time_day={TODAY - timedelta(days=days_ago)}/symbol={symbol}"
    return LiveFile(None, place, f"s3://lake/data/{place}/{name}", 1000)


class Table:
    """A table of files; takes note of the day from which it was asked."""

    def __init__(self, *files):
        self.files = list(files)
        self.asked = []

    def currentSnapshot(self):  # noqa: N802 (Iceberg's name)
        return self

    def summary(self):
        return {"total-data-files": str(len(self.files))}


@pytest.fixture(autouse=True)
def _files_of_the_table(monkeypatch):
    def live_files(_jvm, table, _of, since):
        table.asked.append(since)
        return iter([one for one in table.files if since is None or one.day >= since])

    monkeypatch.setattr(compacting, "live_files", live_files)


@pytest.fixture
def ledger():
    return Ledger(None, TRADES)


def test_the_first_look_is_at_all_files(ledger):
    table = Table(file(5), file(0))
    assert ledger.look(table, TODAY) == [file(0)]
    assert table.asked == [None]
    assert ledger.left_out == 1


def test_settled_days_are_left_out_from_then_on(ledger):
    table = Table(file(5), file(1, "raw.parquet"), file(0))
    ledger.look(table, TODAY)
    table.files.append(file(0, "raw.parquet"))
    assert ledger.look(table, TODAY) == [file(1, "raw.parquet"), file(0), file(0, "raw.parquet")]
    assert table.asked == [None, TODAY - timedelta(days=1)]


def test_a_day_that_was_merged_is_left_out_too(ledger):
    table = Table(file(1, "raw.parquet"), file(0))
    ledger.look(table, TODAY)
    table.files[0] = file(1)
    assert ledger.look(table, TODAY) == [file(0)]
    assert ledger.left_out == 1


def test_whatever_comes_to_an_old_day_is_noticed(ledger):
    table = Table(file(5), file(0))
    ledger.look(table, TODAY)
    table.files.append(file(5, "late.parquet"))
    assert file(5, "late.parquet") in ledger.look(table, TODAY)
    assert table.asked == [None, TODAY, None]


def test_a_file_tells_its_day_and_whether_it_is_sorted():
    assert file(1).day == TODAY - timedelta(days=1)
    assert file(1).is_sorted
    assert not file(1, "00001-sorted-.parquet").is_sorted
