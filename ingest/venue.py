"""A WebSocket server that behaves as Finnhub does: token, subscriptions, limit, pings, errors."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from hmac import compare_digest
from http import HTTPStatus
from ssl import SSLContext
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from catalog.errors import ServiceError
from catalog.logs import get_logger
from ingest.faults import Cut, FaultInjector, Faults
from ingest.finnhub import TOO_MANY_SYMBOLS, Subscription, error_frame, ping_frame

log = get_logger("ingest.simulator")


@dataclass(frozen=True, slots=True)
class VenueOptions:
    """How the venue treats its clients.

    `ping_seconds` is between two frames of the vendor's own kind of ping, `keepalive_seconds`
    between two of the protocol's, of which none are sent when it is None.
    """

    token: str
    host: str = "127.0.0.1"
    port: int = 0
    symbol_limit: int = 50
    ping_seconds: float = 60.0
    keepalive_seconds: float | None = None
    one_connection: bool = False
    faults: Faults = field(default_factory=Faults)
    seed: int = 1
    tls: SSLContext | None = None


class Client:
    """One connection and what it subscribed to."""

    def __init__(self, connection: ServerConnection, injector: FaultInjector) -> None:
        self._connection = connection
        self._injector = injector
        self._frozen = False
        self.symbols: dict[str, None] = {}  # in the order of subscription
        self.changed = asyncio.Event()

    async def send(self, frame: str | bytes) -> bool:
        """Send a frame, bent by the faults asked for; False when the connection is gone."""
        return await self._send_all(self._injector.bend(frame))

    async def send_rest(self) -> bool:
        """Send what faults hold back."""
        return await self._send_all([*self._injector.rest()])

    async def send_plain(self, frame: str | bytes) -> bool:
        """Send without faults."""
        if self._frozen:
            return True
        try:
            await self._connection.send(frame, text=True)
        except ConnectionClosed:
            return False
        return True

    def freeze(self) -> None:
        """Go half-open: read nothing, send nothing, answer nothing, but keep the socket."""
        self._frozen = True
        self._connection.transport.pause_reading()

    def cut(self) -> None:
        """Break the connection without a close frame."""
        self._connection.transport.abort()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order; a frozen connection is cut."""
        if self._frozen:
            self.cut()
        else:
            await self._connection.close(code, reason)

    async def _send_all(self, frames: list[str | bytes | Cut]) -> bool:
        for frame in frames:
            if isinstance(frame, Cut):
                self.freeze() if frame is Cut.HALF_OPEN else self.cut()
            elif not await self.send_plain(frame):
                return False
        return True


class Venue:
    """The server. `attend` is run for each client, beside its pings, until it leaves."""

    def __init__(
        self, options: VenueOptions, attend: Callable[[Client], Coroutine[None, None, None]]
    ) -> None:
        self._options = options
        self._attend = attend
        self._server: Server | None = None
        self._throttled: list[float | None] = []
        self.clients: list[Client] = []
        self.connections = 0
        self.changed = asyncio.Condition()

    @property
    def url(self) -> str:
        """The address, without the token."""
        if self._server is None:
            raise ServiceError("The simulator is not running; start it first.")
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"{'wss' if self._options.tls else 'ws'}://{host}:{port}"

    async def start(self) -> None:
        """Listen. Raises ServiceError when the port is taken."""
        options = self._options
        try:
            self._server = await serve(
                self._handle,
                options.host,
                options.port,
                process_request=self._admit,
                ssl=options.tls,
                compression=None,
                ping_interval=options.keepalive_seconds,
                close_timeout=None,  # a slow client still gets all that was sent before the close
                max_size=64 * 1024,
            )
        except OSError as error:
            raise ServiceError(
                f"The simulator cannot listen on {options.host}:{options.port}: {error.strerror}."
                " Choose another --port (0 finds a free one)."
            ) from error

    async def stop(self) -> None:
        """Cut every client and stop listening."""
        self.cut_clients()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def close_clients(self, reason: str) -> None:
        """Close every connection in order, once its client has taken all that was sent."""
        await asyncio.gather(*(client.close(1000, reason) for client in list(self.clients)))

    def cut_clients(self) -> None:
        """Break every connection."""
        for client in self.clients:
            client.cut()

    def freeze_clients(self) -> None:
        """Let every connection go half-open."""
        for client in self.clients:
            client.freeze()

    def throttle(self, times: int, retry_after_seconds: float | None) -> None:
        """Answer the next connects with 429."""
        self._throttled.extend([retry_after_seconds] * times)

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until clients and their subscriptions are as asked."""
        async with self.changed:
            await self.changed.wait_for(condition)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self._throttled:
            wait = self._throttled.pop()
            response = connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests\n")
            if wait is not None:
                response.headers["Retry-After"] = f"{wait:g}"
            return response
        token = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        if compare_digest(token.encode(), self._options.token.encode()):
            return None
        return connection.respond(HTTPStatus.UNAUTHORIZED, "Invalid API key\n")

    async def _handle(self, connection: ServerConnection) -> None:
        if self._options.one_connection and self.clients:
            for other in list(self.clients):
                await other.close(1008, "one connection a key")
            await connection.close(1008, "one connection a key")
            return
        self.connections += 1
        injector = FaultInjector(self._options.faults, self._options.seed + self.connections)
        client = Client(connection, injector)
        self.clients.append(client)
        tasks = [
            asyncio.create_task(self._attend(client)),
            asyncio.create_task(self._ping(client)),
        ]
        log.info("client_connected", clients=len(self.clients))
        try:
            with suppress(ConnectionClosed):
                async for message in connection:
                    await self._take(client, message)
        finally:
            self.clients.remove(client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._notify()
            log.info("client_left", clients=len(self.clients))

    async def _take(self, client: Client, message: str | bytes) -> None:
        subscription = Subscription.parse(message)
        if subscription is None:
            await client.send_plain(error_frame("Invalid message"))
            return
        if not subscription.wanted:
            client.symbols.pop(subscription.symbol, None)
        elif len(client.symbols) >= self._options.symbol_limit:
            await client.send_plain(error_frame(TOO_MANY_SYMBOLS))
            return
        else:
            client.symbols[subscription.symbol] = None
        client.changed.set()
        await self._notify()

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _ping(self, client: Client) -> None:
        while True:
            await asyncio.sleep(self._options.ping_seconds)
            if not await client.send_plain(ping_frame()):
                return
