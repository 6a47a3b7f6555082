"""What accepts connections, as one of them sees it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from mailcore.imap.memory import Memory
from mailcore.services import Services
from mailcore.tls import Channel


class Owner(Protocol):
    """What accepts connections, as one of them sees it."""

    services: Services
    memory: Memory
    held_bytes: int

    def admit(self, connection: Any) -> bool:
        """Count a connection in; return False when there are too many."""
        ...

    def forget(self, connection: Any) -> None:
        """Count it out."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a coroutine that ends with the server."""
        ...

    async def start_tls(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Negotiate TLS on a connection."""
        ...

    def offered(self, transport: asyncio.Transport) -> Channel:
        """Return what the TLS of a connection offers to sign-in."""
        ...
