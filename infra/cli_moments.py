"""The commands about moments: snapshots, tag."""

import re
from typing import Annotated

import typer

from catalog.errors import SettingsError
from infra.cli_options import DEFAULT_HOME, HomeOption, StackOption, reach_of
from infra.output import Format, print_rows, say
from infra.reach import list_snapshots

_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}

FormatOption = Annotated[Format, typer.Option("--format", help="How to print the answer.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(
        epilog="Examples: tapehouse snapshots --last 20; tapehouse snapshots --format json;"
        " tapehouse snapshots --last 5 --offsets"
    )(snapshots)
    app.command(
        epilog="Examples: tapehouse tag before-the-open; tapehouse tag split --at"
        " 2026-01-02T15:04:05Z --keep 30d; tapehouse tag split --delete"
    )(tag)


def snapshots(
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    offsets: Annotated[
        bool, typer.Option("--offsets", help="Add the Kafka offsets that each append brought.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the moments of the trades that can be read, oldest first, and their tags.

    An append brought new trades; a compaction put the same ones into fewer files; a correction
    changed or removed some. Offsets (topic partition:first-last) are read from the manifests, two
    small requests a snapshot, so they are shown only when asked for.
    """
    names, rows = list_snapshots(reach_of(home, stack), last, offsets=offsets)
    if form is not Format.JSON:
        rows = [[_flat(value) for value in row] for row in rows]
    print_rows(names, rows, form)


def tag(
    name: Annotated[str, typer.Argument(help="Letters, digits and . _ - are allowed.")],
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    at: Annotated[
        str | None,
        typer.Option(help="A snapshot id, a tag or a time; else now.", metavar="MOMENT"),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="How long from now: 90m, 12h, 30d, 4w; else until it is deleted.",
            metavar="DURATION",
        ),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take the name away.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Give a moment of all tables a name, which also keeps it from being expired.

    What a name has kept is expired some time after the name is gone. The streaming process does it:
    it has to run.
    """
    seconds = parse_keep(keep) if keep is not None else None
    if delete and (at is not None or keep is not None):
        raise SettingsError("--delete takes a name away: --at and --keep do not go with it.")
    reach = reach_of(home, stack)
    if delete:
        reach.act("/tag/delete", {"name": name})
        say(f"The tag {name} is deleted.")
        return
    told = reach.act("/tag", {"name": name, "moment": at or "live", "keep_seconds": seconds})
    print_rows(tuple(told), [tuple(told.values())], form)


def parse_keep(text: str) -> int:
    """`90m`, `12h`, `30d` or `4w` in seconds. Raises SettingsError."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text)
    if found is None:
        raise SettingsError(f"--keep {text}: give a number and m, h, d or w, such as 12h or 30d.")
    return int(found[1]) * _SECONDS[found[2]]


def _flat(value: object) -> object:
    return ", ".join(map(str, value)) or None if isinstance(value, list) else value
