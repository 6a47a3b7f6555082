"""The listener: TLS from the first octet, connections counted. RFC 4513 §3; port 636 by custom."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from config.log import log
from config.networks import site
from directory.ldap import errors
from directory.ldap.connection import Connection
from directory.ldap.session import Front, Peer

BACKLOG = 256
HANDSHAKE_S = 30


@dataclass(frozen=True, slots=True)
class Room:
    """How many connections there may be, and how long each may be silent before and after sign-in."""

    max_connections: int
    max_connections_per_address: int
    idle_timeout_s: float
    login_timeout_s: float


class Listener:
    """Accepts connections; an asynchronous context manager ends them all."""

    def __init__(self, front: Front, room: Room, peer: Callable[[asyncio.Transport], Peer]) -> None:
        self.front, self._room, self.peer = front, room, peer
        self.idle_timeout_s, self.login_timeout_s = room.idle_timeout_s, room.login_timeout_s
        self._connections: set[Connection] = set()
        self._by_address: Counter[str] = Counter()
        self._tasks = asyncio.TaskGroup()
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> "Listener":
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close(errors.UNAVAILABLE, "the server is stopping")
            connection.stop()
        await self._tasks.__aexit__(*failure)
        for server in self._servers:
            await server.wait_closed()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen on an address; return the port, which the system chooses when `port` is 0."""
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), host, port, ssl=tls, ssl_handshake_timeout=HANDSHAKE_S if tls else None, backlog=BACKLOG
        )
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        log.info("ldap.listening", host=host, port=bound)
        return bound

    def admit(self, connection: Connection) -> bool:
        """Count a connection in; return False when there are too many, in all or from its address."""
        self._connections.add(connection)
        self._by_address[client := site(connection.address)] += 1
        return len(self._connections) <= self._room.max_connections and self._by_address[client] <= self._room.max_connections_per_address

    def forget(self, connection: Connection) -> None:
        """Count it out."""
        self._connections.discard(connection)
        self._by_address[client := site(connection.address)] -= 1
        if not self._by_address[client]:
            del self._by_address[client]

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a coroutine that ends with the server."""
        return self._tasks.create_task(work)
