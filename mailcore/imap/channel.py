"""The connection as handlers see it."""

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from mailcore import tls
from mailcore.imap.bell import Bell
from mailcore.imap.wire import Event

PIPELINED = 4  # commands looked at ahead of their turn (reference imap.md §7)


class Channel(Protocol):
    """The connection as handlers see it."""

    secure: bool
    peer: str
    offered: tls.Channel  # what TLS offers to sign-in

    @property
    def compressed(self) -> bool:
        """Say whether what either side says is compressed."""
        ...

    def write(self, octets: bytes) -> None:
        """Add octets to the reply."""
        ...

    def flush(self) -> Coroutine[Any, Any, None]:
        """Send the reply so far; return when the peer keeps up."""
        ...

    async def ease(self, bound_bytes: int) -> None:
        """Send the reply so far when it has grown past `bound_bytes`."""
        ...

    def take(self) -> Event | None:
        """Return what the client has sent already."""
        ...

    def upcoming(self) -> Sequence[Event]:
        """Return a few of the events behind this one that have arrived, without taking them."""
        ...

    def refuse(self) -> None:
        """Give no ``+`` to the client that waits for it: its command has ended."""
        ...

    async def read(self) -> Event:
        """Send the reply so far and wait for the client."""
        ...

    async def wait(self, changed: Bell, timeout_s: float) -> bool:
        """Send the reply so far; wait until the client sends or `changed` is set. Return False when time is up."""
        ...

    async def start_tls(self) -> None:
        """Send the reply so far, forget what the client sent, and negotiate TLS."""
        ...

    def trust(self) -> None:
        """Allow the sizes of a signed-in client."""
        ...

    def rouse(self) -> None:
        """See to it that the session's news are told soon, whether the client says anything or not."""
        ...

    async def compress(self) -> None:
        """Send the reply so far; what either side says from then on is compressed."""
        ...

    async def distrust(self) -> None:
        """Send the reply so far; from then on this is a client that has not signed in, and nothing is compressed."""
        ...
