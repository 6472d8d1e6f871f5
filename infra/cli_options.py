"""What the commands share: `--home` and `--stack`, and what they name."""

from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import SettingsError
from infra.home import Home
from infra.reach import Reach
from infra.reach_home import HomeReach
from infra.reach_stack import StackReach

HomeOption = Annotated[
    Path,
    typer.Option("--home", metavar="DIR", help="Folder of the instance.", show_default=True),
]
DEFAULT_HOME = Path(".tapehouse")
StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack", metavar="NAME", help="Ask the containers of that Pulumi stack, not a home."
    ),
]
# Those that work on a stack too; `--stack` may then stand before the command as well.
STACK_COMMANDS = (
    *("status", "doctor", "care", "replay", "sql"),
    *("snapshots", "tag", "bars", "diff", "history"),
)
SPEED_HELP = "A recording's: 1, 10, ... times as fast as it was, or max."

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


def reach_of(home: Path, stack: str | None) -> Reach:
    """The instance that the options name. Raises ServiceError when none runs in the home."""
    if stack is None:
        return HomeReach(running_home(home))
    if home != DEFAULT_HOME:
        raise SettingsError("--home and --stack name two different instances: give one of them.")
    return StackReach(stack)


def parse_speed(text: str) -> float | None:
    """`--speed`: a factor, or None for `max`. Raises SettingsError."""
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if not factor > 0:
        raise SettingsError(f"--speed {text}: give a number above 0, such as 1 or 10, or max.")
    return factor
