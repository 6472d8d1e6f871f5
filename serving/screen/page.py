"""What a page gets: the view, the market of its moment, and whom it may ask.

A page is a function `show(page: Page) -> None`, run in full when the view changes. What follows the
market lives in a fragment, `st.fragment(draw, run_every=page.every)`, which reads `page.frame`
anew each time; the same code then serves live and past moments.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import pyarrow as pa

from catalog.moments import LIVE, ResolvedMoment
from serving.frames import Frame
from serving.screen import session
from serving.screen.shared import Shared
from serving.times import to_microseconds
from serving.view import View


@dataclass(frozen=True, slots=True)
class Page:
    """One run of one page; `moment` is None while it follows the newest snapshot."""

    view: View
    shared: Shared
    moment: ResolvedMoment | None

    @property
    def frame(self) -> Frame:
        """The newest frame, the same one while paused, or that of the moment.

        Raises MomentError or LakeError where the moment cannot be had.
        """
        if self.moment is not None:
            return self.shared.past.frame(self.moment)
        return self._held[0] if self.view.paused else self.shared.live.frame

    @property
    def symbol(self) -> str:
        """The symbol of the view, else the first that has trades, else none."""
        return self.view.symbol or next(iter(self.frame.quotes), "")

    @property
    def now(self) -> int:
        """Microseconds: the clock's, when the page was paused, or when the moment was committed.

        What is old goes by it.
        """
        if self.moment is not None:
            return to_microseconds(self.moment.committed_at)
        return self._held[1] if self.view.paused else time.time_ns() // 1000

    @property
    def _held(self) -> tuple[Frame, int]:
        return session.held(self.shared.live.frame, time.time_ns() // 1000)

    @property
    def every(self) -> float | None:
        """Seconds between two runs of a fragment; None where nothing can change by itself."""
        if self.moment is not None or self.view.paused:
            return None
        return self.view.rate or self.shared.settings.refresh_seconds

    @property
    def resolved(self) -> ResolvedMoment:
        """The moment; live, the newest snapshots that the process knows of, maybe some seconds old.

        Raises LakeError.
        """
        return self.moment or self.shared.lake.resolve(LIVE)

    def ask(self, sql: str, parameters: tuple[Hashable, ...] = ()) -> pa.Table:
        """Answer a SELECT of our own over `trades`, `rejected`, `feed_events` and the like.

        At the page's moment (`resolved`). Each answer is made once for all sessions. Raises
        LakeError.
        """
        return self.shared.past.ask(self.resolved, sql, parameters)

    def go(self, **changes: Any) -> NoReturn:
        """Show the view with these fields changed; ends this run. Not for callbacks."""
        session.show(replace(self.view, **changes))

    def note(self, **changes: Any) -> None:
        """The same for what the page shows already, such as its range: only the link changes."""
        session.store(replace(session.stored() or self.view, **changes))
        session.write_link()


Show = Callable[[Page], None]
