"""The console as whoever needs one sees it: in the same process, or a service of its own."""

from collections.abc import Sequence
from typing import Protocol

from catalog.moments import Moment
from catalog.settings import LakeSettings
from serving.console.client import ConsoleClient
from serving.console.console import Console
from serving.console.settings import ConsoleServiceSettings, ConsoleSettings
from serving.console.wire import Outcome


class AnyConsole(Protocol):
    """What both can do; `Console` says what each method means and raises."""

    def prepare(self) -> None: ...

    def ask(
        self,
        user: str,
        sql: str,
        as_of: Moment | None = None,
        parameters: Sequence[object] = (),
        *,
        seconds: float | None = None,
        rows: int | None = None,
    ) -> Outcome: ...

    def cancel(self, user: str) -> bool: ...

    def close(self) -> None: ...


def open_console(
    lake: LakeSettings, limits: ConsoleSettings, service: ConsoleServiceSettings
) -> AnyConsole:
    """The service where the settings name one, else a console in this process.

    The service has limits of its own, and keys of its own to the lake.
    """
    return ConsoleClient(service, limits) if service.url else Console(lake, limits)
