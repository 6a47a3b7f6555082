"""Who may come in, and how much may be held for them. Pure counting.

Connections are counted per node and per client, an IPv6 client being its /64 (RFC 6177 §2: what one site gets).
"""

from collections import Counter


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
