from datetime import UTC, datetime
from decimal import Decimal

import plotly.graph_objects as go
import pyarrow as pa
import pytest

from serving import quick_chart
from serving.quick_chart import Shape

T = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "guessed"),
    [
        ({"symbol": ["A"], "at": [T], "price": [1.0]}, ("at", "price", Shape.LINE)),
        ({"n": [1], "symbol": ["A"]}, ("symbol", "n", Shape.BARS)),
        ({"a": [1], "b": [2.0]}, ("a", "b", Shape.POINTS)),
        ({"a": [1]}, ("a", "a", Shape.POINTS)),
        ({"symbol": ["A"]}, None),
    ],
)
def test_the_first_guess_is_what_one_would_draw(columns, guessed):
    assert quick_chart.guess(pa.table(columns)) == guessed


@pytest.mark.parametrize("shape", list(Shape))
def test_plotly_takes_what_is_drawn(shape):
    table = pa.table({"at": [T, None], "volume": [Decimal("1.5"), None]})
    figure = go.Figure(quick_chart.quick_chart(table, "at", "volume", shape))
    assert list(figure.data[0].y) == [1.5, None]
    assert figure.data[0].x[0].startswith("2026-11-20 14:30")


def test_only_so_many_points_are_drawn(monkeypatch):
    monkeypatch.setattr(quick_chart, "MOST_POINTS", 2)
    table = pa.table({"a": [1, 2, 3]})
    assert len(quick_chart.quick_chart(table, "a", "a", Shape.LINE)["data"][0]["y"]) == 2


def test_text_stays_text():
    table = pa.table({"<b>x</b>": ["<a href='x'>y</a>"], "n": [1]})
    drawn = quick_chart.quick_chart(table, "<b>x</b>", "n", Shape.BARS)
    assert drawn["layout"]["xaxis"]["title"]["text"] == "&lt;b&gt;x&lt;/b&gt;"
    assert drawn["data"][0]["x"] == ["&lt;a href='x'&gt;y&lt;/a&gt;"]


def test_two_columns_of_one_name_can_be_drawn():
    table = pa.table([pa.array([1]), pa.array([2])], names=["n", "n"])
    assert quick_chart.quick_chart(table, "n", "n", Shape.LINE)["data"][0]["y"] == [1.0]


def test_the_chart_is_told_in_words():
    table = pa.table({"symbol": ["A", "B", "C"], "n": [3, None, 7]})
    assert quick_chart.describe(table, "symbol", "n") == "n by symbol: 2 values between 3 and 7."
    assert "no value" in quick_chart.describe(table.slice(1, 1), "symbol", "n")
