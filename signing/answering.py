"""What a process behind a unix socket does with requests, whichever connection they came from: answer, refuse, count, log."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from config.errors import MailError
from config.log import log
from signing import wire
from signing.errors import SignerUnavailable
from signing.wire import Answer, Refusal

MAX_WAITING = 64  # requests that wait at one time, for a disk as a rule

Quick = Callable[[Any], list[bytes]]
Waiting = Callable[[Any], Awaitable[list[bytes]]]


class Answering(ABC):
    """Requests in, values out. Quick ones are answered at once, those that wait in tasks of their own.

    Which is which stands in the tables `quick` and `waiting`, by the class of the request.
    """

    name: str  # in the log
    most_waiting = MAX_WAITING
    quick: Mapping[type, Quick] = {}
    waiting: Mapping[type, Waiting] = {}

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.tasks = tasks
        self.refusals = 0
        self._slow = 0

    @abstractmethod
    def read(self, body: bytes) -> Any:
        """Return the request that a frame holds. Raises SigningRefused."""

    def waits(self, ask: Any) -> bool:
        """Say whether a request waits for something."""
        return type(ask) in self.waiting

    def refused(self, id: int, reason: Exception) -> Refusal:
        """Return as much of what went wrong as the peer may know."""
        return Refusal(id, wire.CODES.get(type(reason), "unavailable"))  # type: ignore[arg-type]

    def answer(self, body: bytes, send: Callable[[bytes], None]) -> None:
        """Answer one request through `send`, now or later; nothing that a peer can write raises here."""
        ask: Any = None
        try:
            ask = self.read(body)
            if self.waits(ask):
                self._begin(ask, send)
            else:
                send(wire.frame(Answer(ask.id, self.quick[type(ask)](ask))))
        except Exception as reason:  # noqa: BLE001 - the driver: a bug ends one request, not the process
            send(wire.frame(self.refusal(ask, reason, 0 if ask else wire.id_of(body))))

    def refusal(self, ask: Any, reason: Exception, id: int = 0) -> Refusal:
        """Count and log what went wrong; `ask` is None for what could not be read, `id` what could be read of it."""
        self.refusals += 1
        kind = type(ask).__name__ if ask else ""
        if isinstance(reason, MailError):
            log.info(f"{self.name}.refused", request=kind, error=type(reason).__name__, **reason.facts)
        else:
            log.error(f"{self.name}.failed", request=kind, exc_info=reason)
        return self.refused(ask.id if ask else id, reason)

    def _begin(self, ask: Any, send: Callable[[bytes], None]) -> None:
        if self._slow >= self.most_waiting:
            raise SignerUnavailable(reason="busy")
        self._slow += 1
        self.tasks.create_task(self._finish(ask, send))

    async def _finish(self, ask: Any, send: Callable[[bytes], None]) -> None:
        try:
            send(wire.frame(Answer(ask.id, await self.waiting[type(ask)](ask))))
        except Exception as reason:  # noqa: BLE001 - the driver: a bug ends one request, not the process
            send(wire.frame(self.refusal(ask, reason)))
        finally:
            self._slow -= 1
