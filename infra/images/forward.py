"""Opens some ports of a server that may listen on loopback only: `forward.py OUT=IN... -- COMMAND`.

SeaweedFS has one address for all it opens, a dozen ports, and some of them let anyone in. So it
listens on loopback, and this passes the ports that ask for credentials on: connections to OUT, on
every address of the container, go byte for byte to IN. Lives as long as the command and ends with
its exit code; a stop is passed on to it. Standard library only, run with `python3 -I -S`.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 (the container's own; nothing of it is published)
_CHUNK_BYTES = 1 << 16


def main() -> int:
    """Returns the exit code: the command's own, 2 for a wrong use."""
    try:
        split = sys.argv.index("--")
        pairs = [parse_pair(text) for text in sys.argv[1:split]]
        command = sys.argv[split + 1 :]
        return asyncio.run(serve(pairs, command[0], command[1:]))
    except (ValueError, IndexError):
        sys.stderr.write("usage: forward.py OUT=IN... -- COMMAND...\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"forward: {error.strerror}\n")
        return 126


def parse_pair(text: str) -> tuple[int, int]:
    """`8181=18181`: the port to open and the one behind it. Raises ValueError."""
    outer, inner = text.split("=")
    return int(outer), int(inner)


async def serve(pairs: Sequence[tuple[int, int]], program: str, arguments: Sequence[str]) -> int:
    """Run the command and forward until it ends; returns its exit code."""
    process = await asyncio.create_subprocess_exec(program, *arguments)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.send_signal, number)
    servers = [
        await asyncio.start_server(_Passage(inner).carry, _EVERYWHERE, outer)
        for outer, inner in pairs
    ]
    code = await process.wait()
    for server in servers:
        server.close()
    return 128 - code if code < 0 else code


class _Passage:
    """Carries connections to one inner port."""

    def __init__(self, inner: int) -> None:
        self._inner = inner

    async def carry(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        try:
            far, far_out = await asyncio.open_connection(_LOOPBACK, self._inner)
        except OSError:
            # The server is not up yet: to the client that is the same as a closed port.
            near_out.close()
            return
        try:
            await asyncio.gather(_pump(near, far_out), _pump(far, near_out))
        finally:
            for writer in (near_out, far_out):
                writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy to the end, then close that direction alone: the other may still have much to say."""
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


if __name__ == "__main__":
    sys.exit(main())
