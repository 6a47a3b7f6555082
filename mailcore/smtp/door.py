"""Where clients come in: counted before anything is spent on them, TLS included, and seen off when the node stops.

RFC 5321 §3.8 (421), RFC 8314 §3.3 (TLS from the first octet), RFC 2033 (a socket of this machine). The loop's own servers do the
handshake before anybody can ask who the client is; so sockets are accepted here.
"""

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

from config.networks import site
from config.settings import endpoint
from mailcore.smtp import balancer, reply
from mailcore.smtp.connection import Connection
from mailcore.smtp.proxy import BadProxy
from mailcore.smtp.session import Front

BACKLOG = 1024
PAUSE_S = 1.0  # when the system has no descriptors left
SOCKET_MODE = 0o660  # of a socket in the file system: whoever delivers there is in the group that the operator chose

log = structlog.get_logger()


class Door:
    """One listening socket and the clients that came through it. Make it inside a running loop."""

    def __init__(self, front: Front, where: str, *, tls_at_once: bool) -> None:
        self._front, self._tls_at_once = front, tls_at_once
        self._path = where if "/" in where else ""
        self._balancers = balancer.networks(front.services.settings.smtp.proxies)
        self._socket = _unix(Path(where)) if self._path else _internet(where)
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._clients: dict[asyncio.Task[None], Connection | None] = {}  # None while TLS begins
        self._open = asyncio.create_task(self._welcome())

    async def close(self) -> None:
        """Let nobody in, say goodbye, wait for messages on their way, then end what is left."""
        self._open.cancel()
        await asyncio.wait([self._open])
        self._socket.close()
        if self._path:
            _remove(self._path)
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
            peer = "" if self._path else address[0]
            key = site(peer)
            if not self._path and balancer.is_listed(peer, self._balancers):
                self._begin(client, key, self._introduced(client, peer), counted=False)
            elif self._front.gate.admit(key):
                self._begin(client, key, self._entertain(client, peer), counted=True)
            else:
                self._turn_away(client, key)

    def _begin(self, client: socket.socket, key: str, work: Coroutine[Any, Any, None], *, counted: bool) -> None:
        task = asyncio.create_task(work)
        self._clients[task] = None
        task.add_done_callback(functools.partial(self._gone, client, key if counted else None))

    async def _introduced(self, client: socket.socket, balancing: str) -> None:
        """Hear from a balancer whose connection it passes on, and treat that client like one who came alone."""
        if len(self._clients) > self._front.limits.connections:
            return self._turn_away(client, balancing)
        try:
            peer = await balancer.client(client) or balancing
        except (BadProxy, OSError) as error:  # TimeoutError is one
            log.warning("smtp.bad_proxy", balancer=balancing, error=type(error).__name__)
            return None
        key = site(peer)
        if not self._front.gate.admit(key):
            return self._turn_away(client, key)
        try:
            await self._entertain(client, peer)
        finally:
            self._front.gate.leave(key)

    def _turn_away(self, client: socket.socket, key: str) -> None:
        log.info("smtp.too_many_connections", client=key)
        with client, contextlib.suppress(OSError):
            if not self._tls_at_once:
                client.send(reply.TOO_MANY_CONNECTIONS.encode())

    async def _entertain(self, client: socket.socket, peer: str) -> None:
        """Begin TLS where it comes first, and stay until the conversation is over."""
        try:
            connection = await self._connect(client, peer)
            self._clients[_current()] = connection
            await asyncio.wait([connection.task])
        except OSError as error:  # ssl.SSLError is one
            client.close()
            log.info("smtp.tls_failed", client=peer, error=type(error).__name__)

    def _gone(self, client: socket.socket, key: str | None, task: "asyncio.Task[None]") -> None:
        """Give the place back, also of a task that was cancelled before it began; a live socket is its transport's."""
        connection = self._clients.pop(task)
        if key is not None:
            self._front.gate.leave(key)
        if connection is None:
            client.close()

    async def _connect(self, client: socket.socket, peer: str) -> Connection:
        front = self._front
        connection = Connection(front, peer, tls=self._tls_at_once)
        await self._loop.connect_accepted_socket(  # its result names the TLS protocol on uvloop, ours elsewhere
            lambda: connection,
            client,
            ssl=front.tls.context if front.tls is not None and self._tls_at_once else None,
            ssl_handshake_timeout=front.limits.handshake_s if self._tls_at_once else None,
        )
        return connection


def _internet(where: str) -> socket.socket:
    host, port = endpoint(where)
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG)


def _unix(path: Path) -> socket.socket:
    """Listen at a path; a socket that nobody listens on any more is left over from a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        os.chmod(path, SOCKET_MODE)  # before anybody can connect
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _remove(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def _current() -> "asyncio.Task[None]":
    task = asyncio.current_task()
    assert task is not None
    return task
