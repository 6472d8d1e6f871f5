"""What this machine listens on, by trying every port: what is only forwarded counts too."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

_PORTS = range(1, 65_536)
_AT_ONCE = 500
_PATIENCE_SECONDS = 2.0


def own_addresses() -> tuple[str, ...]:
    """Loopback, and the address that others see."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: the kernel only picks the address it would send from.
            probe.connect(("192.0.2.1", 9))
            outward = probe.getsockname()[0]
        except OSError:
            return ("127.0.0.1",)
    return tuple(dict.fromkeys(("127.0.0.1", outward)))


def listening_addresses() -> frozenset[str]:
    """`address:port` of all that accept a TCP connection."""
    # In a thread of its own: the one of a browser's test already runs a loop.
    with ThreadPoolExecutor(1) as pool:
        return frozenset(pool.submit(lambda: asyncio.run(_scan())).result())


async def _scan() -> list[str]:
    gate = asyncio.Semaphore(_AT_ONCE)
    wanted = [(address, port) for address in own_addresses() for port in _PORTS]
    found = await asyncio.gather(*(_try(gate, *one) for one in wanted))
    return [address for address in found if address]


async def _try(gate: asyncio.Semaphore, address: str, port: int) -> str:
    async with gate:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except OSError:
            return ""
        # A port may be reached from its own number: TCP's simultaneous open with oneself.
        itself = writer.get_extra_info("sockname") == writer.get_extra_info("peername")
        writer.close()
        return "" if itself else f"{address}:{port}"
