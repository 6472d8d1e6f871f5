"""The runner with a real supervisor and small real services."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from catalog.errors import RecordingError, ServiceError, SettingsError, TapehouseError
from infra.health import PortCheck, Running
from infra.home import Home
from infra.local import MARK, LocalRunner
from infra.ports import any_free_port
from infra.service import Preparation, Service
from infra.supervision import State, Status, Supervisor

SLEEP = "import time\nwhile True: time.sleep(1)"


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    return home


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def launch(home, said):
    """Launch services; they are stopped after the test if they were not before."""
    runners = []

    def launch(*services: Service) -> LocalRunner:
        runner = LocalRunner(home, services, said.append)
        runners.append(runner)
        runner.launch(Event())
        return runner

    yield launch
    for runner in runners:
        runner.stop()


def service(name: str, code: str, **fields) -> Service:
    fields = {"health": Running(), "memory_mb": 64, "grace_seconds": 2} | fields
    return Service(name, (sys.executable, "-c", textwrap.dedent(code)), **fields)


def job(name: str, code: str, **fields) -> Service:
    return service(name, code, job=True, **fields)


def processes_of(home: Home) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home.path):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def wait_until(condition, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def supervisor(home: Home) -> Supervisor:
    return Supervisor(home.socket_path(), home.credentials.supervisor_password)


def test_services_start_in_the_order_of_their_needs_and_each_says_when_it_is_ready(
    launch, home, said
):
    port = any_free_port()
    server = f"""
        import socketserver
        socketserver.TCPServer.allow_reuse_address = True
        socketserver.TCPServer(("127.0.0.1", {port}), None).serve_forever()
    """
    client = f"""
        import socket, pathlib
        socket.create_connection(("127.0.0.1", {port})).close()
        pathlib.Path("reached").touch()
    """
    launch(
        job("client", client, needs=("server",)),
        service("server", server, health=PortCheck(f"127.0.0.1:{port}")),
    ).start(Event())
    assert (home.path / "reached").exists()
    assert [line.split()[:3] for line in said] == [
        ["server", "ready", "in"],
        ["client", "done", "in"],
    ]


def test_a_job_that_fails_stops_the_start_with_its_last_words_but_not_its_secrets(launch):
    runner = launch(
        job("setup", "import os, sys; sys.exit('refused: ' + os.environ['KEY'])",
            secrets={"KEY": "canary-1234"}),
    )  # fmt: skip
    with pytest.raises(ServiceError, match=r"setup did not start(.|\n)*refused: \*\*\*"):
        runner.start(Event())


@pytest.mark.parametrize("after_seconds", [0, 1.5])
def test_a_service_that_ends_for_good_stops_the_start(launch, after_seconds):
    code = f"import time; time.sleep({after_seconds}); raise SystemExit(10)"
    asked = PortCheck(f"127.0.0.1:{any_free_port()}")
    runner = launch(service("guarded", code, for_good=(2, 10), health=asked))
    with pytest.raises(TapehouseError, match="guarded did not start") as refused:
        runner.start(Event())
    # What ends at once is tried again, and its exit code is forgotten meanwhile.
    assert refused.value.exit_code == (10 if after_seconds else 4)


@pytest.mark.parametrize(("code", "kind"), [(2, SettingsError), (11, RecordingError)])
def test_a_start_fails_with_the_error_that_the_service_ended_with(launch, code, kind):
    words = f"import sys, time; time.sleep(1.5); print('why'); sys.exit({code})"
    asked = PortCheck(f"127.0.0.1:{any_free_port()}")
    runner = launch(service("guarded", words, for_good=(code,), health=asked))
    with pytest.raises(kind, match=r"guarded did not start(.|\n)*why"):
        runner.start(Event())


def test_what_another_program_ends_with_is_no_error_of_ours(launch):
    # Go ends with 2 when it crashes.
    crash = Service("store", ("/bin/sh", "-c", "sleep 1.5; exit 2"), PortCheck("127.0.0.1:1"), 64)
    with pytest.raises(ServiceError, match="store did not start"):
        launch(crash).start(Event())


def test_a_preparation_runs_once_and_before_the_service(launch, home):
    made = home.path / "made"
    preparation = Preparation(
        (sys.executable, "-c", f"open({str(made)!r}, 'a').write('x')"), creates=made
    )
    ready = job("prepared", f"assert open({str(made)!r}).read() == 'x'", preparation=preparation)
    for _ in range(2):
        runner = launch(ready)
        runner.start(Event())
        runner.stop()
    assert made.read_text() == "x"


def test_a_service_that_dies_is_started_again_and_that_is_said(launch, home, said):
    runner = launch(service("worker", SLEEP))
    runner.start(Event())
    before = wait_until(lambda: _running(home, "worker"))
    stop = Event()
    watcher = Thread(target=runner.watch, args=(stop,))
    watcher.start()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: any("worker ended and was started again" in line for line in said))
    stop.set()
    watcher.join()
    assert wait_until(lambda: _running(home, "worker")) != before


def test_a_service_seen_between_two_lives_is_not_said_to_have_ended(home, said, monkeypatch):
    stop = Event()
    lives = [(State.RUNNING, 1), (State.EXITED, 0), (State.EXITED, 0), (State.RUNNING, 2)]

    class Scripted:
        def __init__(self, *_):
            self.left = list(lives)

        def start(self, _name):
            return

        def statuses(self):
            state, pid = self.left.pop(0)
            if not self.left:
                stop.set()
            return {"worker": Status("worker", state, pid, -1, 0, "")}

    monkeypatch.setattr("infra.local.Supervisor", Scripted)
    monkeypatch.setattr("infra.local._WATCH_SECONDS", 0.01)
    runner = LocalRunner(home, (service("worker", SLEEP),), said.append)
    runner.start(Event())
    said.clear()
    runner.watch(stop)
    assert said == ["  worker ended and was started again; its log says why"]


def test_a_service_that_ends_with_nothing_wrong_is_not_started_again(launch, home):
    runner = launch(service("once", "import time; time.sleep(2.5)", for_good=(0,)))
    runner.start(Event())
    wait_until(lambda: supervisor(home).statuses()["once"].state is State.EXITED)


def test_stopping_takes_dependents_first_and_leaves_no_process(launch, home):
    tell = """
        import signal, sys, time
        def end(*_):
            with open("order", "a") as file: file.write("{0} ")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        open("{0}.up", "w").close()
        while True: time.sleep(1)
    """
    runner = launch(
        service("base", tell.format("base")),
        service("middle", tell.format("middle"), needs=("base",)),
        service("top", tell.format("top"), needs=("middle",)),
    )
    runner.start(Event())
    wait_until(lambda: len(list(home.path.glob("*.up"))) == 3)
    assert runner.stop() < 20
    assert (home.path / "order").read_text().split() == ["top", "middle", "base"]
    assert not processes_of(home)


def test_a_service_that_need_not_wait_starts_at_once_and_still_stops_first(launch, home):
    slow = "import pathlib, time\nwhile not pathlib.Path('early.up').exists(): time.sleep(0.05)"
    base = service("base", SLEEP, needs=("slow",))
    early = service(
        "early", "open('early.up', 'w').close()\n" + SLEEP, needs=("base",), waits_for=()
    )
    runner = launch(early, base, job("slow", slow))
    runner.start(Event())
    runner.stop()
    log = (home.logs / "supervisor.log").read_text()
    assert log.index("spawned: 'early'") < log.index("spawned: 'base'")
    assert log.index("stopped: early") < log.index("stopped: base")


def test_a_service_that_will_not_stop_is_killed_with_its_children(launch, home):
    stubborn = """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import signal, time;"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); open('child.up', 'w');time.sleep(99)"])
        while True: time.sleep(1)
    """
    runner = launch(service("stubborn", stubborn, grace_seconds=1))
    runner.start(Event())
    wait_until((home.path / "child.up").exists)
    assert len(processes_of(home)) == 3
    assert runner.stop() < 20
    assert not processes_of(home)


def test_a_stop_during_the_start_ends_it(launch, home):
    never = service("never", SLEEP, health=PortCheck(f"127.0.0.1:{any_free_port()}"))
    runner, stop = launch(never), Event()
    starter = Thread(target=runner.start, args=(stop,))
    starter.start()
    stop.set()
    starter.join(timeout=10)
    assert not starter.is_alive()
    runner.stop()
    assert not processes_of(home)


def test_services_see_no_variable_of_the_users_shell_that_is_not_theirs(launch, home, monkeypatch):
    monkeypatch.setenv("FINNHUB_API_TOKEN", "canary-token")
    launch(
        job("look", "import os; open('seen', 'w').write(str(dict(os.environ)))",
            environment={"MINE": "yes"}),
    ).start(Event())  # fmt: skip
    seen = (home.path / "seen").read_text()
    assert "canary-token" not in seen
    assert "'MINE': 'yes'" in seen


def test_secrets_stand_in_no_command_line_and_only_in_private_files(launch, home):
    launch(service("holder", SLEEP, secrets={"KEY": "canary-1234"})).start(Event())
    for process in processes_of(home):
        assert "canary-1234" not in " ".join(process.cmdline())
        assert home.credentials.supervisor_password not in " ".join(process.cmdline())
    holding = [
        path
        for path in home.path.rglob("*")
        if path.is_file() and b"canary-1234" in path.read_bytes()
    ]
    assert holding == [home.services / "holder.json"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in home.services.glob("*.[jc]*"))


def test_when_the_runner_is_killed_nothing_is_left(home):
    script = f"""
        import sys
        from pathlib import Path
        from threading import Event
        from infra.health import Running
        from infra.home import Home
        from infra.local import LocalRunner
        from infra.service import Service
        home = Home(Path({str(home.path)!r}))
        command = (sys.executable, "-c", {SLEEP!r})
        one = Service("one", command, Running(), 64)
        runner = LocalRunner(home, (one,), print)
        runner.launch(Event())
        runner.start(Event())
        input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    ) as runner:
        wait_until(lambda: home.services.joinpath("one.json").exists() and _running(home, "one"))
        assert len(processes_of(home)) == 2
        runner.kill()
    wait_until(lambda: not processes_of(home))


def test_when_the_supervisor_is_killed_its_services_end_and_the_runner_says_so(launch, home):
    runner = launch(service("one", SLEEP))
    runner.start(Event())
    os.kill(runner.supervisor_pid.number, signal.SIGKILL)
    with pytest.raises(ServiceError, match="supervisor does not answer"):
        runner.watch(Event())
    runner.stop()
    assert not processes_of(home)


def _running(home: Home, name: str) -> int:
    try:
        status = supervisor(home).statuses()[name]
    except ServiceError:
        return 0
    return status.pid if status.state is State.RUNNING else 0
