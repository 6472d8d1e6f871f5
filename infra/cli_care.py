"""The command about the care of the tables: what was done, doing it now, what would be done."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from catalog.errors import SettingsError
from infra.cli_options import DEFAULT_HOME, HomeOption, StackOption, reach_of
from infra.output import Format, human_bytes, print_json, print_rows, say

# Each has a column of its own, or is for the JSON form alone.
_SHOWN = ("at", "table", "act", "files_in", "files_out", "bytes", "seconds", "contents")
_NAMES = ("at", "table", "act", "files in", "files out", "bytes", "seconds", "what")

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add this module's command to the command line."""
    app.command(epilog="Examples: tapehouse care; tapehouse care --dry-run --format json")(care)


def care(
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    status: Annotated[
        bool, typer.Option("--status", help="Tell what was done of late: as without any option.")
    ] = False,
    now: Annotated[bool, typer.Option("--now", help="Do now what is due, and tell it.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done now; do nothing.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
) -> None:
    """Tell how the tables are cared for: compacted, tagged, expired; or have it done now.

    Exit code 1 when an act of it failed. The JSON form also holds the hash of what each compacted
    table partition holds, the same before and after.
    """
    if status + now + dry_run > 1:
        raise SettingsError("--status, --now and --dry-run are three things: give one of them.")
    reach = reach_of(home, stack)
    if now or dry_run:
        told = reach.act("/care", {"dry_run": dry_run})
        if not told["done"]:
            say("Care is still at it; `tapehouse care --status` tells what it does.")
        acts: list[Json] = told["acts"]
    else:
        keeper = reach.keeper_status()
        acts = keeper["care"]["runs"]
        if keeper["query"].get("stretched"):
            say(f"The stream commits less often than every {keeper['query']['stretched']}.")
    _print(acts, form)
    if not dry_run and any("error" in act for act in acts):
        raise typer.Exit(1)


def _print(acts: Sequence[Json], form: Format) -> None:
    if form is Format.JSON:
        print_json(acts)
    elif acts or form is Format.CSV:
        print_rows(_NAMES, [_row(act, form) for act in acts], form)
    else:
        say("Nothing: the tables are as they should be.")


def _row(act: Json, form: Format) -> tuple[object, ...]:
    size = act.get("bytes")
    shown = human_bytes(size) if form is Format.TABLE and size is not None else size
    columns = (act.get(name) for name in ("files_in", "files_out"))
    at = str(act.get("at", ""))[:19]
    return (at, act.get("table"), act["act"], *columns, shown, act.get("seconds"), _rest(act))


def _rest(act: Mapping[str, object]) -> str:
    """What only some acts have to tell, in words."""
    rest = [f"{name} {value}" for name, value in act.items() if name not in _SHOWN]
    contents = act.get("contents")
    if isinstance(contents, dict):
        rest.append(f"content of {len(contents)} table partitions unchanged")
    return ", ".join(rest)
