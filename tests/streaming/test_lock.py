import subprocess
import sys

import pytest

from catalog.errors import CheckpointError
from streaming.lock import exclusive

HOLD = """
import sys
from pathlib import Path
from streaming.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_with_the_first_one_s_process_id(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CheckpointError, match=f"process {holder.pid}"), exclusive(tmp_path, 0):
            pass
        holder.kill()
    with exclusive(tmp_path, 0):
        pass


def test_the_lock_is_free_again_after_its_block(tmp_path):
    for _ in range(2):
        with exclusive(tmp_path / "made", 0):
            pass


def test_a_child_that_inherits_the_lock_keeps_it_beyond_its_parent_s_block(tmp_path):
    with exclusive(tmp_path, 0) as descriptor:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
            pass_fds=[descriptor],
        )
    with child:
        with pytest.raises(CheckpointError), exclusive(tmp_path, 0):
            pass
        child.stdin.close()
        child.wait()
    with exclusive(tmp_path, 0):
        pass
