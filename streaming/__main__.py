"""`python -m streaming [--rebuild [REQUEST] | --status | --act PATH]`: runs it, or asks it."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from catalog.errors import SettingsError, TapehouseError
from catalog.keeper_client import ask_act, ask_status
from catalog.logs import configure_logging, get_logger
from catalog.settings import BrokerSettings, LakeSettings
from streaming.settings import StreamingSettings


def main() -> int:
    """Run the job; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m streaming", description=__doc__)
    parser.add_argument(
        "--rebuild",
        nargs="?",
        const="",
        metavar="REQUEST",
        help="set the checkpoint aside and go on exactly where the table ends; once only for a"
        " REQUEST, so that what restarts the process may repeat it",
    )
    parser.add_argument(
        "--status",
        action="store_true",
        help="print what the process that runs beside this one tells of itself, then end",
    )
    parser.add_argument(
        "--act",
        metavar="PATH",
        help="have the process that runs beside this one do an act, such as /tag, described by the"
        " JSON object on standard input; print what came of it, then end",
    )
    arguments = parser.parse_args()
    if arguments.status:
        return _print(_status)
    if arguments.act:
        return _print(lambda settings: _act(settings, arguments.act))
    configure_logging()
    try:
        settings, broker, lake = (
            StreamingSettings.read(),
            BrokerSettings.read(),
            LakeSettings.read(),
        )
        secrets = (
            settings.keeper_token,
            settings.cluster_secret,
            broker.password,
            lake.credential,
            lake.token,
            lake.store_secret_key,
        )
        configure_logging([secret.get_secret_value() for secret in secrets], settings.log_level)
        # Spark is heavy: settings are checked before it is imported.
        from streaming.job import run  # noqa: PLC0415

        run(settings, broker, lake, arguments.rebuild)
    except TapehouseError as error:
        get_logger("streaming").error("not_running", why=str(error))
        return error.exit_code
    return 0


def _print(ask: Callable[[StreamingSettings], dict[str, Any]]) -> int:
    try:
        told = ask(StreamingSettings.read())
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    json.dump(told, sys.stdout)
    return 0


def _status(settings: StreamingSettings) -> dict[str, Any]:
    return ask_status(settings.keeper_host, settings.keeper_port, settings.keeper_token)


def _act(settings: StreamingSettings, path: str) -> dict[str, Any]:
    try:
        body = json.load(sys.stdin)
    except ValueError as error:
        raise SettingsError(f"Standard input is not JSON ({error}).") from error
    return ask_act(settings.keeper_host, settings.keeper_port, settings.keeper_token, path, body)


if __name__ == "__main__":
    sys.exit(main())
