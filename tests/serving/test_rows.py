import pytest

from serving import rows
from serving.rows import Column, Row


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – ü 漢 €", "plain – ü 漢 €"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("a\x00b\n\t\x1b[31m", "a\\x00b\\n\\t\\x1b[31m"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text, shown):
    assert rows.visible(text) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0 s"), (0.04, "0.0 s"), (1.5, "1.5 s"), (59, "59 s"), (90, "1.5 min"), (7200, "2 h")],
)
def test_an_age_has_two_figures(seconds, shown):
    assert rows.age(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(None, "–"), (5, "5 B"), (1234, "1.2 kB"), (2_000_000, "2 MB")]
)
def test_a_size_has_a_unit(number, shown):
    assert rows.size(number) == shown


def test_bytes_are_shown_sixteen_a_row():
    raw = bytes(range(0x3C, 0x3C + 18))
    first, second = rows.hex_dump(raw)
    assert first.cells == (
        "000000",
        "3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b",
        "<=>?@ABCDEFGHIJK",
    )
    assert second.cells == ("000010", "4c 4d", "LM")
    assert rows.hex_dump(b"\x00\x7f\xff")[0].cells[2] == "···"


def test_a_table_that_cannot_be_chosen_from_says_so():
    columns, some = (Column("A"),), [Row("k", ("v",))]
    plain = rows.table("T", columns, some, empty="none", height=100)
    assert not plain["selectable"]
    chosen = rows.table("T", columns, some, empty="none", height=100, selected="")
    assert (chosen["selectable"], chosen["selected"]) == (True, "")
