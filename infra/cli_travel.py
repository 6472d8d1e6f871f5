"""The commands of time travel: bars, diff, history."""

from typing import Annotated

import typer

from infra.cli_data import FormatOption
from infra.cli_options import DEFAULT_HOME, HomeOption, StackOption, reach_of
from infra.output import Format, print_rows, say
from infra.reach import answer

MOMENT = "`live`, a tag, a snapshot id, or a time such as 2026-01-02T15:04:05Z (UTC)."

SymbolArgument = Annotated[str, typer.Argument(help="As the feed writes it: BINANCE:BTCUSDT.")]
IntervalOption = Annotated[str, typer.Option(help="Length of a bar: 1s, 5s, 1m, 5m, 15m, 1h, 1d.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(
        epilog="Examples: tapehouse bars AAPL --interval 5m --start 2026-01-02T14:30;"
        " tapehouse bars BINANCE:BTCUSDT --as-of 2026-01-02T15:04:05Z --format csv"
    )(bars)
    app.command(
        epilog="Examples: tapehouse diff 2026-01-02T15:00 live;"
        " tapehouse diff 829358295414271526 live --level bars --interval 1h --symbol AAPL"
    )(diff)
    app.command(epilog="Example: tapehouse history AAPL 2026-01-02T14:30 --interval 1m")(history)


def bars(
    symbol: SymbolArgument,
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    interval: IntervalOption = "1m",
    as_of: Annotated[str | None, typer.Option(help=MOMENT, metavar="MOMENT")] = None,
    start: Annotated[
        str | None, typer.Option(help="First bar that starts then or later.", metavar="TIME")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Bars that start before.", metavar="TIME")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print a symbol's bars, as they are now or as they were."""
    # Heavy, and needed here alone.
    from serving.asking import BarsRequest  # noqa: PLC0415

    request = BarsRequest(symbol, interval, as_of, start, end)
    print_rows(*answer(reach_of(home, stack), request), form)


def diff(
    a: Annotated[str, typer.Argument(help=f"The earlier moment. {MOMENT}", metavar="A")],
    b: Annotated[str, typer.Argument(help="The later moment.", metavar="B")],
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    level: Annotated[
        str,
        typer.Option(
            help="counts: rows of each symbol; bars: those that changed, with old and new values;"
            " trades: those that were added."
        ),
    ] = "counts",
    interval: IntervalOption = "1m",
    symbol: Annotated[str | None, typer.Option(help="This one alone.")] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print what happened to the trades between two moments."""
    # Heavy, and needed here alone.
    from serving.asking import DiffRequest  # noqa: PLC0415

    request = DiffRequest(a, b, level, interval, symbol)
    print_rows(*answer(reach_of(home, stack), request), form)


def history(
    symbol: SymbolArgument,
    bar_start: Annotated[
        str, typer.Argument(help="When the bar starts, or any time within it.", metavar="BAR_START")
    ],
    home: HomeOption = DEFAULT_HOME,
    stack: StackOption = None,
    interval: IntervalOption = "1m",
    form: FormatOption = Format.TABLE,
) -> None:
    """Print how one bar came to be: each kept snapshot that changed it, and why.

    Late trades came after a trade of a later bar. A compaction rewrites files and changes no data.
    """
    # Heavy, and needed here alone.
    from serving.asking import HistoryRequest  # noqa: PLC0415

    request = HistoryRequest(symbol, bar_start, interval)
    found = answer(reach_of(home, stack), request)
    print_rows(*found, form)
    if not found.rows:
        say(f"No trade of {symbol} lies in that bar.")
