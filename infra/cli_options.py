"""What the commands share: the `--home` option, and opening a home."""

from pathlib import Path
from typing import Annotated

import typer

from infra.home import Home

HomeOption = Annotated[
    Path,
    typer.Option("--home", metavar="DIR", help="Folder of the instance.", show_default=True),
]
DEFAULT_HOME = Path(".tapehouse")

# Every secret that was read, so that no error message can show one.
known_secrets: list[str] = []


def open_home(path: Path) -> Home:
    """The home, made if need be, its secrets known to the redactor."""
    home = Home(path)
    home.ensure()
    known_secrets.extend(home.credentials.secrets())
    return home


def running_home(path: Path) -> Home:
    """A home in which an instance runs. Raises ServiceError when none does."""
    home = Home(path)
    home.running()
    return open_home(path)
