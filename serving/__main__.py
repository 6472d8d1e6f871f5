"""`python -m serving`: answers one question of ours, a line of JSON on standard input, in Arrow.

How the command line asks a lake that only containers can reach: it runs this beside the dashboard,
with the dashboard's keys, which can only read. What goes wrong is one text on standard error, and
the error's exit code.
"""

import sys

import pyarrow as pa

from catalog.errors import TapehouseError
from catalog.logs import configure_logging
from catalog.settings import LakeSettings
from serving.asking import answer, parse_request
from serving.lake import Lake

# The dashboard in the same container must keep its own room.
_MEMORY = "192MB"


def main() -> int:
    """The entry point; returns the exit code."""
    try:
        settings = LakeSettings.read()
        secrets = (settings.credential, settings.token, settings.store_secret_key)
        configure_logging([secret.get_secret_value() for secret in secrets], "ERROR")
        request = parse_request(sys.stdin.buffer.readline())
        with Lake.open(settings, memory_limit=_MEMORY, threads=1) as lake:
            table = answer(lake, request)
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
        writer.write_table(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
