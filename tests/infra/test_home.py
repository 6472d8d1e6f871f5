import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import ServiceError, SettingsError
from infra.home import Home, Pid, Run


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    return home


def run_of(process: int) -> Run:
    me = Pid.of(process)
    return Run(me, me, "2026-01-02T03:04:05+00:00", "simulator", "simulator", None)


def test_a_home_is_its_owners_alone(home):
    assert home.path.stat().st_mode & 0o777 == 0o700


def test_a_home_that_cannot_be_made_is_a_settings_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--home"):
        Home(tmp_path / "file" / "home").ensure()


def test_only_one_instance_runs_in_a_home(home):
    other = Home(home.path)
    with home.locked(), pytest.raises(ServiceError, match="already runs"), other.locked():
        pass
    with other.locked():
        pass


def test_where_nothing_runs_that_is_said_with_the_command_to_start(home):
    with pytest.raises(ServiceError, match="tapehouse run"):
        home.running()


def test_a_run_is_found_again_by_another_command(home):
    home.write_run(run_of(os.getpid()))
    assert Home(home.path).running() == run_of(os.getpid())
    home.write_run(None)
    with pytest.raises(ServiceError):
        home.running()


def test_a_killed_run_does_not_count_as_running(home):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        home.write_run(run_of(process.pid))
        assert home.running()
        process.kill()
    with pytest.raises(ServiceError, match="Nothing runs"):
        home.running()
    assert home.last_run()


def test_a_later_process_with_the_same_number_is_not_mistaken_for_the_run():
    me = Pid.of(os.getpid())
    assert me.process()
    assert Pid(me.number, me.born - 1).process() is None


def test_a_damaged_run_file_counts_as_none(home):
    (home.path / "run.json").write_text("{")
    assert home.last_run() is None


def test_a_home_with_a_long_path_gets_a_socket_elsewhere(tmp_path):
    short, long = Home(tmp_path / "h"), Home(tmp_path / ("h" * 100))
    long.ensure()
    path = Path(long.socket_path())
    assert len(os.fsencode(path)) < 100
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert long.socket_path() == str(path)
    assert short.socket_path() != str(path)
    path.parent.rmdir()
