"""`python -m streaming [--rebuild [REQUEST] | --status]`: the streaming process, or how it is."""

import argparse
import json
import sys

from catalog.errors import TapehouseError
from catalog.logs import configure_logging, get_logger
from catalog.settings import BrokerSettings, LakeSettings
from streaming.keeper import ask_status
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
    arguments = parser.parse_args()
    if arguments.status:
        return _print_status()
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


def _print_status() -> int:
    try:
        settings = StreamingSettings.read()
        status = ask_status(settings.keeper_host, settings.keeper_port, settings.keeper_token)
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    json.dump(status, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
