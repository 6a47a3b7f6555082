"""Who may come in, and how often. Pure counting.

Clients are counted by what one site gets: an IPv6 client is its /64 (`config.networks`; RFC 6177 §2).
"""

from collections import Counter

from config.clock import MINUTE_US, SECOND_US
from config.networks import site

MAX_CLIENTS = 10_000  # counted apart in one minute, some 1 MB; whoever comes behind them shares one count


class Gate:
    """Counts connections; the counts never go below zero because each admission is given back once."""

    def __init__(self, total: int, per_client: int) -> None:
        self._total, self._per_client = total, per_client
        self._clients: Counter[str] = Counter()
        self.inside = 0

    def admit(self, client: str) -> bool:
        """Count a connection in, or say that there is no room for it."""
        if self.inside >= self._total or self.has_all(client):
            return False
        self.inside += 1
        self._clients[client] += 1
        return True

    def has_all(self, client: str) -> bool:
        """Say whether a client has all that one may have."""
        return self._clients[client] >= self._per_client

    def leave(self, client: str) -> None:
        """Count a connection out."""
        self.inside -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


class Rate:
    """Counts what each client asks for in one minute of the clock; 0 is no limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._minute = 0
        self._asked: Counter[str] = Counter()

    def wait_s(self, address: str, now_us: int) -> int:
        """Count a request in and return 0, or return in how many seconds the client may ask again."""
        minute, past_us = divmod(now_us, MINUTE_US)
        if minute != self._minute:
            self._minute = minute
            self._asked.clear()
        client = site(address)
        if client not in self._asked and len(self._asked) >= MAX_CLIENTS:
            client = ""
        if self._per_minute and self._asked[client] >= self._per_minute:
            return -((past_us - MINUTE_US) // SECOND_US)
        self._asked[client] += 1
        return 0
