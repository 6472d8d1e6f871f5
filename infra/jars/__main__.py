"""`python -m infra.jars [SERVER...]` fetches what locks name; `--lock` writes the locks anew."""

import argparse
import sys
import tempfile
from pathlib import Path

from catalog.errors import TapehouseError
from infra.jars import ALL, LOCAL, JarSet
from infra.jars.lock import lock
from infra.jars.sync import sync
from infra.output import say


def main() -> int:
    """The exit code is the error's own, 0 when all is in place."""
    parser = argparse.ArgumentParser(prog="python -m infra.jars", description=__doc__)
    parser.add_argument(
        "servers",
        nargs="*",
        metavar="SERVER",
        type=_jars_of,
        default=LOCAL,
        help="whose jars; without a name, those of a local run",
    )
    parser.add_argument("--lock", action="store_true", help="resolve the coordinates anew")
    options = parser.parse_args()
    try:
        if options.lock:
            _lock_all()
        for jars in options.servers:
            fetched = sync(jars)
            say(f"  {jars.name} jars: {f'{fetched} fetched' if fetched else 'in place'}")
    except TapehouseError as error:
        say(f"tapehouse: {error}")
        return error.exit_code
    return 0


def _jars_of(server: str) -> JarSet:
    for jars in ALL:
        if jars.name == server:
            return jars
    known = ", ".join(jars.name for jars in ALL)
    raise argparse.ArgumentTypeError(f"no jars are known for {server!r}, only for {known}")


def _lock_all() -> None:
    with tempfile.TemporaryDirectory() as cache:
        for jars in ALL:
            say(f"  {jars.name}: {lock(jars, Path(cache))} jars locked")


if __name__ == "__main__":
    sys.exit(main())
