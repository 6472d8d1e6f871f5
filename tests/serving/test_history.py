from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.moments import Snapshot
from serving.bars import SECOND, Bar, merge
from serving.history import Place, find_arrivals, first_comparable, fold, to_arrow

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


@given(st.data())
def test_every_trade_is_put_down_to_the_first_snapshot_that_holds_it(data: st.DataObject) -> None:
    steps = data.draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)
    )
    ends = [(0, 0)]
    for one, other in steps:
        ends.append((ends[-1][0] + one, ends[-1][1] + other))
    positions = [{0: one - 1, 1: other - 1} for one, other in ends]
    held = [Place(number, o) for number in (0, 1) for o in range(ends[-1][number])]
    # Other symbols have some of the offsets.
    places = [place for place in held if data.draw(st.booleans())]
    first = data.draw(st.integers(0, len(positions) - 1))
    expected: dict[int, list[Place]] = {}
    for place in places:
        index = next(i for i, at in enumerate(positions) if i >= first and place.is_in(at))
        expected.setdefault(index, []).append(place)
    found = find_arrivals(places, first, len(positions) - 1, positions.__getitem__)
    assert found == expected


def test_few_of_many_snapshots_are_looked_at() -> None:
    asked = []

    def positions_at(index: int) -> Mapping[int, int]:
        asked.append(index)
        return {0: index}

    found = find_arrivals([Place(0, 500), Place(0, 501), Place(0, 900)], 0, 1029, positions_at)
    assert sorted(found) == [500, 501, 900]
    assert len(asked) <= 3 * 10


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
