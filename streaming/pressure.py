"""Back-pressure: while a table is in bad health, the stream commits less often. Values in and out.

Each commit adds a snapshot and small files, and slows down the next one and every query. When care
does not keep up, the trigger is doubled, and doubled again if that does not help; it comes back the
same way. The two bounds lie apart, and a change is given time to show, so that it never flutters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.retention import Rung, capacity

LONGEST_TRIGGER_SECONDS = 60.0
PATIENCE_SECONDS = 120.0
"""How long a change is given to show."""

_FACTOR = 2.0
# A full ladder is in good health, and between care's rounds some more are there than it keeps.
_SNAPSHOTS_SPARE = 2.0
_RELIEVED = 0.75


@dataclass(frozen=True, slots=True)
class Bounds:
    """Above these a table is in bad health."""

    small_files: int
    snapshots: int

    @classmethod
    def of(cls, most_small_files: int, rungs: tuple[Rung, ...], trigger_seconds: float) -> "Bounds":
        """Those of a table that is committed to so often; the ladder says how many are kept."""
        return cls(most_small_files, round(capacity(rungs, trigger_seconds) * _SNAPSHOTS_SPARE))


@dataclass(frozen=True, slots=True)
class Health:
    """What a table has too many of: small files that wait, snapshots that no tag holds."""

    small_files: int
    snapshots: int

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Health":
        """From what the keeper's board tells of a table."""
        # Without care's word on how many lie as they should, none can be said to wait.
        waiting = told["files"] - told["settled_files"] if "settled_files" in told else 0
        return cls(waiting, told.get("snapshots", 0) - told.get("tags", 0))

    def load(self, bounds: Bounds) -> float:
        """How full the fuller of the two bounds is; above 1 is too much."""
        return max(self.small_files / bounds.small_files, self.snapshots / bounds.snapshots)

    def words(self, bounds: Bounds) -> str:
        """What is too much, in words; empty when nothing is."""
        found = []
        if self.small_files > bounds.small_files:
            found.append(f"{self.small_files} small files wait for care ({bounds.small_files})")
        if self.snapshots > bounds.snapshots:
            found.append(f"{self.snapshots} snapshots are kept ({bounds.snapshots})")
        return ", ".join(found)


def next_trigger(
    now_seconds: float, configured_seconds: float, load: float, since_change_seconds: float
) -> float:
    """The trigger to go on with, given the one of now, the configured one, and the health's load.

    Up when a bound is passed, down only when all is well below it, and neither before the last
    change had time to show.
    """
    if since_change_seconds < PATIENCE_SECONDS:
        return now_seconds
    if load > 1:
        longest = max(LONGEST_TRIGGER_SECONDS, configured_seconds)
        return min(now_seconds * _FACTOR, longest)
    if load < _RELIEVED:
        return max(now_seconds / _FACTOR, configured_seconds)
    return now_seconds
