import pytest

from catalog.errors import ServiceError
from infra.machine import check_room, free_disk_bytes


def test_the_room_of_a_folder_that_is_not_there_yet_is_its_parents(tmp_path):
    assert free_disk_bytes(tmp_path / "a" / "b") > 0


def test_a_start_on_a_full_disk_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(ServiceError, match=r"nothing was started.*--home") as caught:
        check_room(tmp_path, needed_bytes=1 << 60)
    assert caught.value.exit_code == 4


def test_a_disk_with_room_is_fine(tmp_path):
    check_room(tmp_path, needed_bytes=1)
