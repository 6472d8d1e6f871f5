import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.treemap import treemap

values = st.lists(st.floats(0.01, 100), min_size=1, max_size=40).map(
    lambda found: sorted(found, reverse=True)
)


@given(values, st.floats(0.3, 4))
def test_areas_are_as_values_and_tiles_fill_the_whole_without_overlap(
    found: list[float], aspect: float
):
    tiles = treemap(found, aspect)
    assert len(tiles) == len(found)
    for value, tile in zip(found, tiles, strict=True):
        assert tile.width * tile.height == pytest.approx(value / sum(found) * aspect)
        assert tile.left >= 0
        assert tile.top >= 0
        assert tile.left + tile.width <= aspect + 1e-9
        assert tile.top + tile.height <= 1 + 1e-9
    for place, one in enumerate(tiles):
        for other in tiles[:place]:
            across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
            down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
            assert min(across, down) <= 1e-9


def test_the_example_of_the_paper():
    # Six wide and four high there.
    in_the_paper = [
        (0, 0, 3, 2),
        (0, 2, 3, 2),
        (3, 0, 12 / 7, 7 / 3),
        (3 + 12 / 7, 0, 9 / 7, 7 / 3),
        (3, 7 / 3, 6 / 5, 5 / 3),
        (3 + 6 / 5, 7 / 3, 6 / 5, 5 / 3),
        (3 + 12 / 5, 7 / 3, 3 / 5, 5 / 3),
    ]
    for tile, expected in zip(treemap([6, 6, 4, 3, 2, 2, 1], 1.5), in_the_paper, strict=True):
        assert [4 * side for side in tile] == pytest.approx(expected)


def test_nothing_has_no_tiles():
    assert treemap([]) == []
