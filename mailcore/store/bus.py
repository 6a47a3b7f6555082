"""Who is told that an account changed: hints only, the truth is in the database.

A reader subscribes first, then reads the state, then waits. A hint may come too often, and from another process it may
come late: so waits are bounded and end in reading the state again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from mailcore.store.types import AccountId, Changed


class Bell(Protocol):
    """What is set when an account changes: an asyncio.Event, or whatever can be told so."""

    def set(self) -> None:
        """Take note."""
        ...


class Subscription:
    """One waiter for one account. A context manager."""

    def __init__(self, bus: "Bus", account_id: AccountId) -> None:
        self._bus, self._account_id = bus, account_id
        self._changed = asyncio.Event()

    def __enter__(self) -> "Subscription":
        self._bus.add(self._account_id, self._changed)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bus.discard(self._account_id, self._changed)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a change since the last wait; return False when `timeout_s` went by without one."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class Bus:
    """Hands committed changes of this process to those who wait for them."""

    def __init__(self) -> None:
        self._waiting: defaultdict[AccountId, set[Bell]] = defaultdict(set)
        self._latest: dict[AccountId, int] = {}  # the last modseq heard, of accounts that somebody waits for

    def hear(self, changes: Sequence[object]) -> None:
        """Pass on the changes of one committed unit: a listener of `Database`."""
        for change in changes:
            if isinstance(change, Changed):
                events = self._waiting.get(change.account_id, ())
                if events:
                    self._latest[change.account_id] = max(change.modseq, self._latest.get(change.account_id, 0))
                for event in events:
                    event.set()

    def is_ahead(self, account_id: AccountId, modseq: int) -> bool:
        """Say whether something happened after `modseq` in an account that one waits for; True when nobody has heard of it."""
        latest = self._latest.get(account_id)
        return latest is None or latest > modseq

    def subscribe(self, account_id: AccountId) -> Subscription:
        """Return a subscription; enter it before reading the state."""
        return Subscription(self, account_id)

    def add(self, account_id: AccountId, event: Bell) -> None:
        """Start setting `event` at each change."""
        self._waiting[account_id].add(event)

    def discard(self, account_id: AccountId, event: Bell) -> None:
        """Stop doing so."""
        events = self._waiting[account_id]
        events.discard(event)
        if not events:
            del self._waiting[account_id]
            self._latest.pop(account_id, None)
