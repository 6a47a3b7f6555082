"""Where clients come in: counted before anything is spent on them, TLS included, and seen off when the node stops.

RFC 5321 §3.8 (421), RFC 8314 §3.3 (TLS from the first octet). The loop's own servers do the handshake before anybody can
ask who the client is; so sockets are accepted here.
"""

import asyncio
import contextlib
import functools
import socket

import structlog

from config.settings import endpoint
from mailcore.smtp import reply
from mailcore.smtp.connection import Connection
from mailcore.smtp.gate import client_key
from mailcore.smtp.session import Front

BACKLOG = 1024
PAUSE_S = 1.0  # when the system has no descriptors left

log = structlog.get_logger()


class Door:
    """One listening socket and the clients that came through it. Make it inside a running loop."""

    def __init__(self, front: Front, where: str, *, tls_at_once: bool) -> None:
        self._front, self._tls_at_once = front, tls_at_once
        host, port = endpoint(where)
        self._socket = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG)
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._clients: dict[asyncio.Task[None], Connection | None] = {}  # None while TLS begins
        self._open = asyncio.create_task(self._welcome())

    async def close(self) -> None:
        """Let nobody in, say goodbye, wait for messages on their way, then end what is left."""
        self._open.cancel()
        await asyncio.wait([self._open])
        self._socket.close()
        for task, connection in list(self._clients.items()):
            if connection is None:
                task.cancel()
            else:
                connection.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._front.limits.stop_s):
                while self._clients:
                    await asyncio.wait(list(self._clients))
        for connection in self._clients.values():
            if connection is not None:
                connection.abort()
        while self._clients:
            await asyncio.wait(list(self._clients))

    async def _welcome(self) -> None:
        while True:
            try:
                client, address = await self._loop.sock_accept(self._socket)
            except OSError as error:
                log.warning("smtp.cannot_accept", error=type(error).__name__, errno=error.errno)
                await asyncio.sleep(PAUSE_S)
                continue
            key = client_key(address[0])
            if self._front.gate.admit(key):
                task = asyncio.create_task(self._entertain(client, key))
                self._clients[task] = None
                task.add_done_callback(functools.partial(self._gone, client, key))
            else:
                self._turn_away(client, key)

    def _turn_away(self, client: socket.socket, key: str) -> None:
        log.info("smtp.too_many_connections", client=key)
        with client, contextlib.suppress(OSError):
            if not self._tls_at_once:
                client.send(reply.TOO_MANY_CONNECTIONS.encode())

    async def _entertain(self, client: socket.socket, key: str) -> None:
        """Begin TLS where it comes first, and stay until the conversation is over."""
        try:
            connection = await self._connect(client)
            self._clients[_current()] = connection
            await asyncio.wait([connection.task])
        except OSError as error:  # ssl.SSLError is one
            client.close()
            log.info("smtp.tls_failed", client=key, error=type(error).__name__)

    def _gone(self, client: socket.socket, key: str, task: "asyncio.Task[None]") -> None:
        """Give the place back, also of a task that was cancelled before it began; a live socket is its transport's."""
        connection = self._clients.pop(task)
        self._front.gate.leave(key)
        if connection is None:
            client.close()

    async def _connect(self, client: socket.socket) -> Connection:
        front = self._front
        connection = Connection(front, tls=self._tls_at_once)
        await self._loop.connect_accepted_socket(  # its result names the TLS protocol on uvloop, ours elsewhere
            lambda: connection,
            client,
            ssl=front.tls.context if front.tls is not None and self._tls_at_once else None,
            ssl_handshake_timeout=front.limits.handshake_s if self._tls_at_once else None,
        )
        return connection


def _current() -> "asyncio.Task[None]":
    task = asyncio.current_task()
    assert task is not None
    return task
