import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

from infra.output import Format, human_bytes, print_json, print_rows

NAMES = ("symbol", "price", "at", "none")
ROWS = [
    ("BINANCE:BTCUSDT", 64000.5, datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), None),
    ("AAPL", 7, datetime(2026, 1, 2, tzinfo=UTC), None),
]


def test_json_is_a_list_with_an_object_for_each_row(capsys):
    print_rows(NAMES, ROWS, Format.JSON)
    rows = json.loads(capsys.readouterr().out)
    assert [row["symbol"] for row in rows] == ["BINANCE:BTCUSDT", "AAPL"]
    assert rows[0]["at"] == "2026-01-02T03:04:05.678901+00:00"
    assert rows[0]["none"] is None


def test_csv_reads_back(capsys):
    print_rows(("a", "b"), [('with "quotes", commas', Decimal("1.50"))], Format.CSV)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["a", "b"], ['with "quotes", commas', "1.50"]]


def test_a_table_shows_every_figure_however_narrow_the_pipe(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    print_rows(NAMES, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == list(NAMES)
    assert lines[1].split() == [
        "BINANCE:BTCUSDT",
        "64000.5",
        "2026-01-02T03:04:05.678901+00:00",
        "-",
    ]


def test_text_from_the_feed_cannot_move_the_cursor_or_style_the_terminal(capsys):
    print_rows(("raw",), [("\x1b[31mred\x07 [bold]plain[/bold]",)])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "[bold]plain[/bold]" in out


def test_a_list_is_one_cell_of_its_items(capsys):
    rows = [(["eod-2026-01-02", "mine"], 1), ([], 2)]
    print_rows(("tags", "n"), rows, Format.CSV)
    assert capsys.readouterr().out.splitlines()[1:] == ["eod-2026-01-02 mine,1", ",2"]
    print_rows(("tags", "n"), rows)
    assert [line.split() for line in capsys.readouterr().out.splitlines()][1:] == [
        ["eod-2026-01-02", "mine", "1"],
        ["-", "2"],
    ]


def test_an_empty_answer_still_has_its_header(capsys):
    print_rows(("a", "b"), [])
    assert capsys.readouterr().out.split() == ["a", "b"]


def test_exact_numbers_stay_exact_in_json(capsys):
    print_json({"sum": Decimal("12345678901234567890.123456789012")})
    assert json.loads(capsys.readouterr().out) == {"sum": "12345678901234567890.123456789012"}


def test_sizes_have_units():
    assert [human_bytes(n) for n in (0, 999, 1000, 1_234_567, 7_900_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.2 MB",
        "7.9 GB",
    ]
