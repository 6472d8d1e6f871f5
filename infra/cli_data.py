"""The commands about data: record, replay, sql."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer
from typing import Annotated

import typer

from catalog.errors import SettingsError
from catalog.settings import FeedSettings
from infra.cli_options import (
    DEFAULT_HOME,
    SPEED_HELP,
    HomeOption,
    StackOption,
    open_home,
    parse_speed,
    reach_of,
)
from infra.connections import simulated_feed_settings
from infra.home import Home
from infra.output import Format, print_json, print_rows, say
from infra.plan import FeedKind
from ingest.recording import record as record_feed

FormatOption = Annotated[Format, typer.Option("--format", help="How to print the answer.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(epilog="Example: tapehouse record today.frames.jsonl.zst --seconds 600")(record)
    app.command(epilog="Example: tapehouse replay day.frames.jsonl.zst --speed max")(replay)
    app.command(
        epilog='Examples: tapehouse sql "SELECT symbol, count(*) FROM trades GROUP BY ALL";'
        ' tapehouse sql "SELECT max(price) FROM trades" --as-of 2026-01-02T15:04:05Z --format csv'
    )(sql)


def record(
    file: Annotated[Path, typer.Argument(help="Recording to write; .zst compresses it.")],
    home: HomeOption = DEFAULT_HOME,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after this long; else Ctrl-C stops it.")
    ] = None,
) -> None:
    """Write what the feed sends to a file, frame by frame.

    Reads the simulator of the instance that runs in the home, else Finnhub (with a token).
    """
    feed = _feed_to_record(home)
    with _stop_on_signals() as stop:
        timer = Timer(seconds, stop.set) if seconds else None
        if timer:
            timer.daemon = True
            timer.start()
        say(f"Recording {feed.source}, {len(feed.symbols)} symbols. Ctrl-C ends it.")
        frames = record_feed(feed, file, stop)
    say(f"{frames} frames written to {file}")


def replay(
    file: Annotated[Path, typer.Argument(help="Recording to play.", exists=True, dir_okay=False)],
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    speed: Annotated[str, typer.Option(help=SPEED_HELP)] = "1",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until all of it is stored.")] = True,
) -> None:
    """Play a recording into the running instance and wait until all of it is stored.

    Exit code 1 when less was stored than was sent.
    """
    factor = parse_speed(speed)
    reach = reach_of(home, stack)
    # Heavy, and needed here alone.
    from infra.replaying import replay_and_count  # noqa: PLC0415

    with _stop_on_signals() as stop:
        outcome = replay_and_count(reach, file, factor, stop, say, wait=wait)
    if as_json:
        print_json(outcome)
    else:
        print_rows(tuple(outcome), [tuple(outcome.values())])
    if (
        len(
            {
                outcome["sent"],
                outcome["acknowledged"],
                outcome["stored"] if wait else outcome["sent"],
            }
        )
        > 1
    ):
        say("Not all of it is stored: see `tapehouse status` and the logs.")
        raise typer.Exit(1)


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over trades, bars_1m, latest, ...")],
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="A snapshot id, a tag or a time.", metavar="MOMENT"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="Stop the query after this long."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Cut the answer after so many rows.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to a .csv, .parquet or .arrow file instead."),
    ] = None,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe",
            help="Run in this process, without gate, limits or deadline, with all that your user"
            " may read. Only for SQL that you wrote yourself.",
        ),
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Ask the lake in SQL, as it is now or as it was.

    Names: trades, rejected, feed_events, bars_1m, bars_1h, bars_1d, latest. In full, with a
    snapshot of its own: lake.market.trades AT (VERSION => ID).

    The query runs in a process of its own that can only read the lake, and for a bounded time;
    Ctrl-C ends it.
    """
    if unsafe and (stack is not None or timeout or rows):
        raise SettingsError(
            "--unsafe runs the query in this process: it goes with a home alone, and knows neither"
            " --timeout nor --rows."
        )
    # Heavy, and needed here alone.
    from infra.asking import Answer  # noqa: PLC0415
    from serving.asking import Request  # noqa: PLC0415
    from serving.console import export  # noqa: PLC0415
    from serving.console.wire import COMMAND_LINE, Asked  # noqa: PLC0415

    if output:
        export.check(output)
    reach, cut = reach_of(home, stack), ""
    if unsafe:
        say("Unsafe: no gate and no limits; the query may do what DuckDB itself does not refuse.")
        table = reach.table(Request(query, as_of))
    else:
        asked = Asked(COMMAND_LINE, query, as_of, seconds=timeout, rows=rows)
        outcome = reach.ask_apart(asked)
        table, cut = outcome.table, outcome.cut
    if output:
        export.write(table, output)
        say(f"{table.num_rows} rows written to {output}")
    else:
        print_rows(*Answer.of(table), form)
    if cut:
        say(f"Cut after {table.num_rows} rows: {_CUTS[cut]}")


_CUTS = {
    "rows": "--rows (or TAPEHOUSE_CONSOLE_ROWS) allows more.",
    "bytes": "TAPEHOUSE_CONSOLE_MEGABYTES allows more.",
}


def _feed_to_record(path: Path) -> FeedSettings:
    run = Home(path).last_run()
    if run and run.runner.process() and run.feed == FeedKind.SIMULATOR:
        return simulated_feed_settings(open_home(path))
    feed = FeedSettings.read()
    if not feed.token.get_secret_value():
        raise SettingsError(
            "There is no feed to record: no simulator runs in this home (`tapehouse run`), and"
            " FINNHUB_API_TOKEN is not set."
        )
    if run and run.runner.process() and run.feed == FeedKind.FINNHUB:
        say("Finnhub allows one connection a key: the running instance may lose its own meanwhile.")
    return feed


@contextmanager
def _stop_on_signals() -> Iterator[Event]:
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
