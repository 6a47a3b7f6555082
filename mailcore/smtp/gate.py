"""Who may come in, and how much may be held for them. Pure counting.

Connections are counted per node and per client, an IPv6 client being its /64 (RFC 6177 §2: what one site gets).
"""

import ipaddress
from collections import Counter


def client_key(address: str) -> str:
    """Return what a client is counted as: its IPv4 address, or the /64 of its IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))


class Gate:
    """Counts connections; the counts never go below zero because each admission is given back once."""

    def __init__(self, total: int, per_client: int) -> None:
        self._total, self._per_client = total, per_client
        self._clients: Counter[str] = Counter()
        self.inside = 0

    def admit(self, client: str) -> bool:
        """Count a connection in, or say that there is no room for it."""
        if self.inside >= self._total or self._clients[client] >= self._per_client:
            return False
        self.inside += 1
        self._clients[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Count a connection out."""
        self.inside -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


class Memory:
    """A budget of octets that all connections of a node share."""

    def __init__(self, size_bytes: int) -> None:
        self.left_bytes = size_bytes

    def take(self, size_bytes: int) -> bool:
        """Reserve octets, or say that there are not enough."""
        if size_bytes > self.left_bytes:
            return False
        self.left_bytes -= size_bytes
        return True

    def give(self, size_bytes: int) -> None:
        """Return reserved octets."""
        self.left_bytes += size_bytes
