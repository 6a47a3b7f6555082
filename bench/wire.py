"""Where a server listens and how to connect to it: plain, implicit TLS or STARTTLS."""

import asyncio
import itertools
import os
import random
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

CONNECT_TIMEOUT_S = 20.0
Security = Literal["plain", "tls", "starttls"]
P = TypeVar("P", bound=asyncio.Protocol)

PORTS = 10_000, 32_768  # below those that Linux gives to whoever asks for any (ip_local_port_range)
NODE_PORTS = (80, 143, 443, 465, 525, 587, 636, 993, 4190)  # above the port base of a node, as `diwan init --help` tells
BASES = 500  # port bases of nodes are multiples of it
SHARES = 8  # processes that look for ports at the same time: each looks at its share


class LoadError(Exception):
    """The server under load refused, fell silent or answered something else than asked."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host, port and transport security of one listener."""

    host: str
    port: int
    security: Security = "plain"
    ca: Path | None = None  # verify against this root; None: any certificate is taken

    def context(self) -> ssl.SSLContext:
        """Return a client context, always the same; it verifies only when a root was given."""
        return context_for(self.ca)


@cache
def context_for(ca: Path | None) -> ssl.SSLContext:
    """Make a client context once: loading the roots takes longer than a handshake."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    context.check_hostname = False  # loopback addresses are not in the certificates
    if ca is None:
        context.verify_mode = ssl.CERT_NONE
    return context


def parse_endpoint(text: str, security: Security = "plain", ca: Path | None = None) -> Endpoint:
    """Read `host:port`."""
    host, _, port = text.rpartition(":")
    return Endpoint(host.strip("[]") or "127.0.0.1", int(port), security, ca)


async def connect(endpoint: Endpoint, factory: Callable[[], P]) -> P:
    """Open one connection, with TLS from the first byte when the endpoint says so."""
    loop = asyncio.get_running_loop()
    context = endpoint.context() if endpoint.security == "tls" else None
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        transport, protocol = await loop.create_connection(
            factory, endpoint.host, endpoint.port, ssl=context, server_hostname=endpoint.host if context else None
        )
    plain = transport.get_extra_info("socket")
    if plain is not None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return protocol


async def upgrade(transport: asyncio.Transport, protocol: asyncio.Protocol, endpoint: Endpoint) -> asyncio.Transport:
    """Start TLS on an open connection, after the server agreed to STARTTLS."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        upgraded = await loop.start_tls(transport, protocol, endpoint.context(), server_hostname=endpoint.host)
    if upgraded is None:
        raise LoadError("the connection closed during STARTTLS")
    return upgraded


def _candidates() -> list[int]:
    """Return the ports of this process's share, mixed, without those that a node may have."""
    share = int(os.environ.get("PYTEST_XDIST_WORKER", f"gw{random.randrange(SHARES)}").removeprefix("gw")) % SHARES
    taken = {port % BASES for port in NODE_PORTS}
    found = [port for port in range(*PORTS) if port % BASES not in taken and port // BASES % SHARES == share]
    return random.sample(found, len(found))


_ports = itertools.cycle(_candidates())


def free_port() -> int:
    """Return a loopback port that nothing listens on, that the system gives to nobody who asks for any, and we to nobody else."""
    return next(port for port in _ports if is_free(port))


def is_free(port: int) -> bool:
    """Tell whether nothing listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def wait_listening(endpoint: Endpoint, timeout_s: float = 20.0) -> None:
    """Wait until a connection to the listener succeeds."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
