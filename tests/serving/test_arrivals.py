from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from serving.arrivals import Place, find_arrivals


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
