from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalog.moments import Snapshot
from serving.arrivals import Place
from serving.bars import SECOND, Bar, merge
from serving.history import first_comparable, fold, to_arrow

_START = 1_700_000_040 * SECOND
_T = datetime(2026, 1, 2, tzinfo=UTC)


def kept(*operations: str, expired_before: Sequence[int] = ()) -> list[Snapshot]:
    """Snapshots 100, 101, ...; of those in `expired_before` the parent is not kept."""
    return [
        Snapshot(
            100 + n,
            (None if n == 0 else 99 + n) if n not in expired_before else 7,
            _T + timedelta(seconds=n),
            operation,
            {},
        )
        for n, operation in enumerate(operations)
    ]


def bar(price: float, offset: int, size: int = 1) -> Bar:
    key = (_START, 0, offset)
    value = Decimal(str(price)) * size
    return Bar(_START, price, key, price, key, price, price, Decimal(size), value, 1)


def test_the_bar_is_folded_step_by_step_and_compactions_are_told() -> None:
    snapshots = kept("append", "append", "replace", "append", "append", "replace")
    late = Place(0, 9, is_late=True)
    arrivals = {1: [Place(0, 3), Place(0, 5)], 4: [late]}
    bars = {1: merge(bar(10.0, 3), bar(12.0, 5)), 4: bar(8.0, 9, size=3)}
    steps = fold(snapshots, 0, arrivals, bars)
    assert [(s.snapshot.snapshot_id, s.kind, s.reason) for s in steps] == [
        (101, "append", "2 trades added"),
        (102, "compaction", "no data change"),
        (104, "append", "1 trade added, 1 of them late"),
        (105, "compaction", "no data change"),
    ]
    table = to_arrow(steps).to_pydict()
    assert table["open"] == [10.0, 10.0, 10.0, 10.0]
    assert table["low"] == [10.0, 10.0, 8.0, 8.0]
    assert table["close"] == [12.0, 12.0, 8.0, 8.0]
    assert table["volume"] == [2, 2, 5, 5]
    assert table["offsets"] == ["0:3-5", "", "0:9", ""]
    assert table["late"] == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("snapshots", "index", "reason"),
    [
        (
            kept("append", "append", expired_before=[0]),
            0,
            "already in the oldest kept snapshot: 1 trade",
        ),
        (kept("append", "append"), 0, "1 trade added"),
        (
            kept("append", "append", expired_before=[1]),
            1,
            "1 trade added, by several commits, of which those before this one are expired",
        ),
        (
            kept("delete", "append"),
            0,
            "corrected by hand; left or added: 1 trade, of before nothing",
        ),
    ],
)
def test_what_cannot_be_told_is_said(snapshots: list[Snapshot], index: int, reason: str) -> None:
    [step] = fold(snapshots, 0, {index: [Place(0, 1)]}, {index: bar(1.0, 1)})
    assert step.reason.startswith(reason)


def test_a_trade_that_may_not_change_a_bar_is_told_all_the_same() -> None:
    [step] = fold(kept("append", "append"), 0, {1: [Place(0, 1)]}, {})
    assert step.reason == "1 trade added, none of a kind that changes a bar"
    assert step.bar is None
    assert to_arrow([step]).column("volume").to_pylist() == [None]


def test_nothing_is_told_of_before_a_correction() -> None:
    assert first_comparable(kept("append", "delete", "append", "overwrite", "replace")) == 3
    assert first_comparable(kept("append", "replace")) == 0


def test_a_bar_without_trades_has_no_history() -> None:
    assert fold(kept("append", "replace"), 0, {}, {}) == []
    assert to_arrow([]).num_rows == 0
