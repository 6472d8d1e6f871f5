"""The table of effects, written out as the feed's users know it, against the data in use."""

import hashlib
from dataclasses import astuple

import pytest

from catalog.conditions import (
    CONDITIONS,
    NOT_HIGH_LOW,
    NOT_OPEN_CLOSE,
    NOT_VOLUME,
    VERSION,
)

EFFECTS = {
    (False, False, True): {3, 5, 12, 17, 22, 25, 26, 27, 37},
    (False, True, True): {2, 9, 15, 18, 21, 30, 32},
    (False, False, False): {16, 20, 39},
}


def test_there_are_the_41_known_codes():
    assert list(CONDITIONS) == list(range(1, 42))
    assert CONDITIONS[1].name == "Regular"
    assert CONDITIONS[24].name.startswith("Form T")
    assert CONDITIONS[41].name == "Trade-through exempt"


@pytest.mark.parametrize("code", range(1, 42))
def test_each_code_updates_what_it_should(code):
    expected = next((e for e, codes in EFFECTS.items() if code in codes), (True, True, True))
    found = CONDITIONS[code]
    assert (found.open_close, found.high_low, found.volume) == expected


def test_the_exclusion_lists_follow_from_the_table():
    assert set(NOT_OPEN_CLOSE) == set().union(*EFFECTS.values())
    assert set(NOT_HIGH_LOW) == EFFECTS[False, False, True] | EFFECTS[False, False, False]
    assert set(NOT_VOLUME) == {16, 20, 39}


def test_a_change_of_the_data_is_a_new_version():
    known = {1: "1ad431c33da5e7db"}
    data = repr(sorted(map(astuple, CONDITIONS.values()))).encode()
    assert hashlib.sha256(data).hexdigest()[:16] == known[VERSION]
