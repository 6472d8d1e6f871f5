"""A sign that the feed is connected and subscribed, for whoever watches from outside."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self


class HealthFile:
    """A file that is touched as often as `update` is called while all is well, and absent else.

    Whoever looks must also look at its age: a process that hangs touches nothing. With the end of
    the context it goes, too. Without a path nothing is done.
    """

    def __init__(self, path: Path | None, is_well: Callable[[], bool]) -> None:
        self._path = path
        self._is_well = is_well

    def __enter__(self) -> Self:
        self._remove()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def update(self) -> None:
        """To be called about once a second."""
        if self._path is None:
            return
        if self._is_well():
            self._path.touch()
        else:
            self._remove()

    def _remove(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
