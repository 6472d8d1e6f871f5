"""`tapehouse`: run it, ask it, feed it, from the command line."""

import errno
import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer
from dotenv import dotenv_values
from typer.exceptions import TyperException

from catalog.errors import ServiceError, SettingsError, TapehouseError
from catalog.logs import Redactor, configure_logging
from infra import cli_care, cli_data, cli_moments, cli_run, cli_travel
from infra.cli_options import STACK_COMMANDS, StackOption, known_secrets
from infra.output import words

_INTERRUPTED = 130

app = typer.Typer(
    name="tapehouse",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (cli_run, cli_data, cli_moments, cli_travel, cli_care):
    module.register(app)


@app.callback()
def _root(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(help="Show where an error comes from.")] = False,
    stack: StackOption = None,
) -> None:
    """Live trades in an open Iceberg lake, on your own machine.

    Exit codes: 0 all is well; 1 a check failed, or a fault of ours; 2 settings or usage; 3 setup;
    4 a service; 5 the feed; 6 Kafka; 7 the lake; 8 the moment; 9 the SQL or another question; 10
    the checkpoint; 11 a recording; 130 stopped by Ctrl-C.
    """
    if debug:
        os.environ["TAPEHOUSE_DEBUG"] = "1"
    if stack is not None:
        if context.invoked_subcommand not in STACK_COMMANDS:
            raise SettingsError(
                f"{context.invoked_subcommand} works on a home, not on a stack; --stack goes with"
                f" {', '.join(STACK_COMMANDS)}."
            )
        context.default_map = {command: {"stack": stack} for command in STACK_COMMANDS}


def main() -> NoReturn:
    """The entry point: every error ends as one clean line, without secrets, and an exit code."""
    # A terminal that closes, and a service manager that stops us, both mean Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # What our own parts log beside a command is of interest when something is looked for.
    configure_logging(_secrets(), "INFO" if "--debug" in sys.argv else "ERROR")
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    except TyperException as error:
        words.print(f"tapehouse: {error.format_message().rstrip('.')}. --help tells more.")
        code = error.exit_code
    except Exception as error:
        if os.environ.get("TAPEHOUSE_DEBUG") and not _secrets_in(error):
            raise
        code = _report(error)
    sys.exit(code or 0)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _report(error: Exception) -> int:
    error = _translated(error)
    words.print(f"tapehouse: {_redactor()(str(error))}", style="red")
    if isinstance(error, TapehouseError):
        return error.exit_code
    return 1


def _translated(error: Exception) -> Exception:
    if isinstance(error, TapehouseError):
        return error
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ServiceError(
            f"The disk is full ({error.filename or 'while writing'}). What was committed before is"
            " safe. Free some space, then start again; `tapehouse doctor` shows how much is left."
        )
    return RuntimeError(
        f"something unforeseen: {type(error).__name__}: {error}. `tapehouse --debug` shows where."
    )


def _secrets() -> list[str]:
    token = os.environ.get("FINNHUB_API_TOKEN") or dotenv_values(".env").get("FINNHUB_API_TOKEN")
    return [*known_secrets, *([token] if token else [])]


def _redactor() -> Redactor:
    return Redactor(_secrets())


def _secrets_in(error: Exception) -> bool:
    return _redactor()(str(error)) != str(error)


if __name__ == "__main__":
    main()
