from streaming.others import _joined


def test_bounds_of_two_kinds_of_rows_are_joined_place_by_place():
    refused = {("ticks", 0): (5, 9), ("ticks.rejected", 0): (7, 8)}
    own = {("ticks.rejected", 0): (2, 7)}
    assert _joined(refused, own) == {("ticks", 0): (5, 9), ("ticks.rejected", 0): (2, 8)}


def test_nothing_joined_with_nothing_is_nothing():
    assert _joined({}, {}) == {}
