"""Whose connection a load balancer passes on: the octets before everything else, read from its socket."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from mailcore.smtp import proxy
from mailcore.smtp.proxy import BadProxy

PATIENCE_S = 5.0  # a balancer says it in its first packet

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(listed: Sequence[str]) -> tuple[Network, ...]:
    """Return the addresses and networks of the settings."""
    return tuple(ipaddress.ip_network(one) for one in listed)


def is_listed(address: str, listed: Sequence[Network]) -> bool:
    """Say whether an address is that of a balancer of ours."""
    if not listed:
        return False
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in listed)


async def client(sock: socket.socket) -> str | None:
    """Read whose connection this is; None when it is the balancer's own. Raises BadProxy, TimeoutError, OSError."""
    loop = asyncio.get_running_loop()

    async def exactly(count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = await loop.sock_recv(sock, count - len(octets))
            if not more:
                raise BadProxy
            octets += more
        return octets

    async with asyncio.timeout(PATIENCE_S):
        octets = await exactly(len(proxy.SIGNATURE))
        if octets == proxy.SIGNATURE:
            head = await exactly(proxy.HEAD.size)
            return proxy.binary(head, await exactly(proxy.body_bytes(head)))
        while not octets.endswith(b"\n") and len(octets) < proxy.LONGEST_LINE and octets.startswith(b"PROXY "):
            octets += await exactly(1)  # nothing of what follows may be taken: TLS begins there
        return proxy.line(octets)
