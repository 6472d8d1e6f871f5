"""Checks of this machine and this installation, each with what to do when it fails."""

from dataclasses import dataclass
from infra.home import Home


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    found: str
    mend: str | None = None
    failed: bool = False

    @property
    def mark(self) -> str:
        return "FAILS" if self.failed else "ok"


def examine(home: Home) -> list[Finding]:
    return []
