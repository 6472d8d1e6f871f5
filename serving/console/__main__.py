"""`python -m serving.console [--ask]`: serves the console, or answers one question beside it.

With `--ask` the question is a line on standard input and the answer Arrow on standard output; what
goes wrong is one text on standard error, and the error's exit code. So the command line asks inside
the console's container. The question has its own limits, and is given up when the input closes.
"""

import argparse
import signal
import sys
from threading import Event

from catalog.errors import QueryError, TapehouseError
from catalog.logs import configure_logging, get_logger
from catalog.settings import LakeSettings
from serving.console.console import Console, ask_once
from serving.console.lifeline import end_with
from serving.console.server import serve
from serving.console.settings import ConsoleServiceSettings, ConsoleSettings
from serving.console.wire import Asked

_log = get_logger("serving.console")


def main() -> int:
    """The entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m serving.console", description=__doc__)
    parser.add_argument("--ask", action="store_true", help="answer one question, then end")
    asks = parser.parse_args().ask
    try:
        lake, limits, service = (
            LakeSettings.read(),
            ConsoleSettings.read(),
            ConsoleServiceSettings.read(),
        )
        secrets = (lake.credential, lake.token, lake.store_secret_key, service.token)
        level = "ERROR" if asks else service.log_level
        configure_logging([secret.get_secret_value() for secret in secrets], level)
        if asks:
            _answer(lake, limits)
        else:
            _serve(lake, limits, service)
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _serve(lake: LakeSettings, limits: ConsoleSettings, service: ConsoleServiceSettings) -> None:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with (
        Console(lake, limits) as console,
        serve(console, service.host, service.port, service.token) as port,
    ):
        console.prepare()
        _log.info("serving", port=port, at_once=limits.at_once, memory=limits.memory_megabytes)
        stop.wait()


def _answer(lake: LakeSettings, limits: ConsoleSettings) -> None:
    asked = Asked.parse(sys.stdin.buffer.readline())
    end_with(sys.stdin.buffer, QueryError.exit_code)
    ask_once(lake, limits, asked).write(sys.stdout.buffer)


if __name__ == "__main__":
    sys.exit(main())
