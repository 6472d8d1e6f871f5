"""An instance that runs as local processes, as the commands see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from infra.connections import SIMULATOR, broker_settings, keeper_act, keeper_status
from infra.home import Home
from infra.plan import FeedKind
from infra.reach import Json
from infra.supervision import State, Status, Supervisor

if TYPE_CHECKING:
    import pyarrow as pa

    from ingest.replay import ReplayReport
    from serving.asking import AnyRequest
    from serving.console.wire import Asked, Outcome


class HomeReach:
    """The instance that runs in a home; everything is on loopback, so it is asked directly."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def has_feed(self) -> bool:
        feed = self._home.running().feed
        if feed == FeedKind.RECORDING:
            return self._statuses()[SIMULATOR].state is not State.EXITED
        return feed != FeedKind.NONE

    @property
    def topic(self) -> str:
        return broker_settings(self._home).topic

    def describe(self) -> Json:
        home, run = self._home, self._home.running()
        return {
            "home": str(home.path),
            "started_at": run.started_at,
            "feed": run.feed,
            "source": run.source,
            "dashboard": run.dashboard,
            "services": {
                name: {
                    "state": s.state.lower(),
                    "pid": s.pid or None,
                    "detail": s.detail,
                    "well": s.is_well,
                }
                for name, s in self._statuses().items()
            },
        }

    def _statuses(self) -> dict[str, Status]:
        home = self._home
        return Supervisor(home.socket_path(), home.credentials.supervisor_password).statuses()

    def keeper_status(self) -> Json:
        return keeper_status(self._home)

    def act(self, path: str, body: Json) -> Json:
        return keeper_act(self._home, path, body)

    def table(self, request: AnyRequest) -> pa.Table:
        # Heavy, and needed here alone.
        from infra.asking import ask_home  # noqa: PLC0415

        return ask_home(self._home, request)

    def ask_apart(self, asked: Asked) -> Outcome:
        # Heavy, and needed here alone.
        from infra.asking import ask_home_apart  # noqa: PLC0415

        return ask_home_apart(self._home, asked)

    def play(
        self,
        path: Path,
        speed: float | None,
        on_progress: Callable[[ReplayReport], None],
        stop: Event,
    ) -> ReplayReport:
        # Heavy, and needed here alone.
        from ingest.programs import Recorded  # noqa: PLC0415
        from ingest.replay import replay  # noqa: PLC0415

        return replay(Recorded.of(path), speed, broker_settings(self._home), on_progress, stop)
