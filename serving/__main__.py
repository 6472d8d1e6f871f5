"""`python -m serving`: answers one question, read from standard input as JSON, in Arrow.

How the command line asks a lake that only containers can reach: it runs this beside the dashboard,
with the dashboard's keys, which can only read. What goes wrong is one text on standard error, and
the error's exit code.
"""

import sys

import pyarrow as pa

from catalog.errors import TapehouseError
from catalog.logs import configure_logging
from catalog.settings import LakeSettings
from serving.asking import AnyRequest, Request, answer, answer_apart, parse_request
from serving.console.settings import ConsoleSettings
from serving.lake import Lake

# The dashboard in the same container must keep its own room.
_MEMORY_MEGABYTES = 192


def main() -> int:
    """The entry point; returns the exit code."""
    try:
        settings = LakeSettings.read()
        secrets = (settings.credential, settings.token, settings.store_secret_key)
        configure_logging([secret.get_secret_value() for secret in secrets], "ERROR")
        request = parse_request(sys.stdin.buffer.read())
        table = _table(settings, request)
    except TapehouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
        writer.write_table(table)
    return 0


def _table(settings: LakeSettings, request: AnyRequest) -> pa.Table:
    if isinstance(request, Request) and request.limits is not None:
        console = ConsoleSettings.read(memory_megabytes=_MEMORY_MEGABYTES)
        return answer_apart(settings, console, request)
    with Lake.open(settings, memory_limit=f"{_MEMORY_MEGABYTES}MB", threads=1) as lake:
        return answer(lake, request)


if __name__ == "__main__":
    sys.exit(main())
