"""The listeners: 143 with STARTTLS, 993 with TLS from the start. RFC 3501 §2.1, RFC 8314 §3.2."""

import asyncio
import contextlib
import ssl
from asyncio import sslproto
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from config import heap
from config.log import log
from config.networks import site
from config.settings import endpoint
from mailcore.imap import keeping
from mailcore.imap.connection import Connection
from mailcore.imap.memory import Memory
from mailcore.services import Services
from mailcore.tls import Channel, Listening

BACKLOG = 1024
HANDSHAKE_S = 30
TLS_BUFFER_BYTES = 16_384  # one TLS record; asyncio's 256 KiB would cost 277 KB for each idle session (reference speed.md §2)


class Listener:
    """Accepts connections and keeps count of them; an asynchronous context manager ends them all."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.memory = Memory()
        self.held_bytes = 0
        self._tls = Listening(services, protocols=["imap"])  # ALPN: RFC 8314 §3.2, ALPACA
        self._connections: set[Connection] = set()
        self._by_peer: Counter[str] = Counter()
        self._tasks = asyncio.TaskGroup()
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> "Listener":
        await self._tasks.__aenter__()
        self._keeper = self.spawn(keeping.keep(self.services, self.memory.views))
        return self

    async def __aexit__(self, *failure: Any) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close("the server is stopping", "UNAVAILABLE")
            connection.stop()
        self._keeper.cancel()
        await self._tasks.__aexit__(*failure)
        await keeping.put_by(self.services, self.memory.views)
        for server in self._servers:
            await server.wait_closed()

    async def listen(self, host: str, port: int, *, tls: bool) -> int:
        """Listen on an address; return the port, which the system chooses when `port` is 0."""
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self),
            host,
            port,
            ssl=self._tls.context if tls else None,
            ssl_handshake_timeout=HANDSHAKE_S if tls else None,
            backlog=BACKLOG,
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        log.info("imap.listening", host=host, port=bound, tls=tls)
        return bound

    def admit(self, connection: Connection) -> bool:
        """Count a connection in; return False when there are too many, in all or from its address."""
        limits = self.services.settings.imap
        self._connections.add(connection)
        self._by_peer[client := site(connection.peer)] += 1
        return len(self._connections) <= limits.max_connections and self._by_peer[client] <= limits.max_connections_per_address

    def forget(self, connection: Connection) -> None:
        """Count it out."""
        self._connections.discard(connection)
        self._by_peer[client := site(connection.peer)] -= 1
        if not self._by_peer[client]:
            del self._by_peer[client]

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a coroutine that ends with the server."""
        return self._tasks.create_task(work)

    def offered(self, transport: asyncio.Transport) -> Channel:
        """Return what the TLS of a connection offers to sign-in."""
        return self._tls.channel(transport.get_extra_info("ssl_object"))

    async def start_tls(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Negotiate TLS on a connection. Raises ConnectionError."""
        try:
            upgraded = await asyncio.get_running_loop().start_tls(
                transport, protocol, self._tls.context, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except ssl.SSLError as error:
            raise ConnectionAbortedError("no TLS") from error
        if upgraded is None:
            raise ConnectionAbortedError("the client left")
        return upgraded


@contextlib.asynccontextmanager
async def imap(services: Services) -> AsyncIterator[None]:
    """Serve IMAP where the settings say, until the context ends."""
    sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
    heap.warm()
    listen = services.settings.listen
    async with Listener(services) as listener:
        for where, tls in ((listen.imap, False), (listen.imaps, True)):
            if where:
                await listener.listen(*endpoint(where), tls=tls)
        yield
