"""One run of the product in a home, from the first check to the last process's end."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from types import FrameType

from catalog.errors import InstallError, ServiceError
from infra.home import Home, Pid, Run
from infra.jars import LOCAL, JarSet
from infra.jars.sync import missing
from infra.java import ensure_java
from infra.local import LocalRunner, end_survivors
from infra.machine import check_room
from infra.plan import FeedKind, Plan, local_services
from infra.ports import LOOPBACK, check_free
from infra.reach import trades_position
from infra.reach_home import HomeReach

_POLL_SECONDS = 0.25
_PATIENCE_SECONDS = 25.0
_FIRST_TRADE_SECONDS = 60.0


def run(home: Home, plan: Plan, say: Callable[[str], None]) -> None:
    """Start everything, watch until told to stop, stop everything. Raises when it cannot start."""
    with home.locked(), _stop_on_signals(say) as stop:
        _end_leftovers(home, say)
        check_room(home.path)
        if plan.dashboard_port is not None:
            check_free(plan.dashboard_port, "--port")
        _check_jars()
        java = ensure_java(home.path / "java")
        home.ensure_ports()
        runner = LocalRunner(home, local_services(home, plan, java), say)
        try:
            begun = time.monotonic()
            runner.launch(stop)
            home.write_run(_describe(plan, runner))
            runner.start(stop)
            if not stop.is_set():
                _announce(plan, say)
            _wait_for_trades(home, plan, stop, begun, say)
            runner.watch(stop)
        finally:
            say("Stopping everything in order ...")
            say(f"Stopped in {runner.stop():.1f} s; the data stays in {home.path}.")
            home.write_run(None)


def _describe(plan: Plan, runner: LocalRunner) -> Run:
    page = plan.dashboard_port and f"http://{LOOPBACK}:{plan.dashboard_port}"
    return Run(
        runner=Pid.of(os.getpid()),
        supervisor=runner.supervisor_pid,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        feed=plan.feed.value,
        source=plan.source,
        dashboard=page or None,
    )


def _announce(plan: Plan, say: Callable[[str], None]) -> None:
    if plan.dashboard_port is not None:
        say(f"\n  Dashboard: http://{LOOPBACK}:{plan.dashboard_port}\n")
    say("Ctrl-C stops everything in order and keeps the data.")


def _wait_for_trades(
    home: Home, plan: Plan, stop: Event, begun: float, say: Callable[[str], None]
) -> None:
    """Until the first new trade is in the table. A feed may be silent: that is said, no fault."""
    if plan.feed is FeedKind.NONE:
        return
    before = _stored(home)
    deadline = time.monotonic() + _FIRST_TRADE_SECONDS
    while not stop.wait(_POLL_SECONDS):
        if _stored(home) > before:
            seconds = time.monotonic() - begun
            say(f"  {'trades':<14} flow into the table {seconds:.1f} s after the start")
            return
        if time.monotonic() > deadline:
            say("  trades         none yet: the feed is silent, or see `tapehouse status`")
            return


def _stored(home: Home) -> int:
    try:
        return sum(stored for stored, _ in trades_position(HomeReach(home)).values())
    except ServiceError:
        return 0


def _end_leftovers(home: Home, say: Callable[[str], None]) -> None:
    last = home.last_run()
    if last and last.supervisor.process():
        say("The previous run was killed; its services are still stopping ...")
        process = last.supervisor.process()
        if process:
            process.terminate()
            process.wait(timeout=_PATIENCE_SECONDS)
    if ended := end_survivors(home, patience_seconds=5):
        say(f"Ended {ended} processes that the previous run had left.")
    home.write_run(None)


def _check_jars() -> None:
    for jars in LOCAL:
        if absent := missing(jars):
            raise _setup_needed(jars, absent)


def _setup_needed(jars: JarSet, absent: list[str]) -> InstallError:
    return InstallError(
        f"{len(absent)} of the {jars.name} jars are missing ({absent[0]}, ...). Run `make setup`."
    )


@contextmanager
def _stop_on_signals(say: Callable[[str], None]) -> Iterator[Event]:
    """An event that Ctrl-C, SIGTERM and a closed terminal set; more of them change nothing."""
    stop = Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            say("Already stopping; what has not stopped after 20 s is killed.")
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
