"""Compiled scripts, kept while their accounts get mail. Looking one up costs a dictionary look-up.

What is known holds as of a version of all scripts; before a batch of deliveries the counter is read once, and accounts that
changed since are forgotten. So a change counts from the next batch on, in whatever process it was made.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from config.database import Tx
from config.log import log
from mailcore.services import Services
from mailcore.sieve import scripts
from mailcore.sieve.compile import Script, compile
from mailcore.sieve.faults import SieveError
from mailcore.store.keys import AccountKey

MAX_ACCOUNTS = 100_000  # as many as keys are kept open (store/keyring.py)
MAX_HELD_BYTES = 32 * 1024 * 1024  # of the sources of what is compiled; functions take some ten times as much
MAX_CHANGED = 1000  # accounts that changed since: when there are more, all are forgotten
INLINE_BYTES = 8192  # compiling more than this goes to a thread: it would hold up the loop for ms


class Shelf:
    """What is known of accounts: None for one without a script."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[Script | None, int]] = OrderedDict()
        self._held_bytes = 0
        self._version = -1

    def refresh(self, version: int, changed: Sequence[tuple[int, int]]) -> None:
        """Forget what changed up to a version."""
        if len(changed) >= MAX_CHANGED:
            self._known.clear()
            self._held_bytes = 0
        for account_id, _ in changed:
            self.forget(account_id)
        self._version = version

    @property
    def version(self) -> int:
        """Return the version that all that is known was true at, or later."""
        return self._version

    def forget(self, account_id: int) -> None:
        """Forget one account."""
        _, size_bytes = self._known.pop(account_id, (None, 0))
        self._held_bytes -= size_bytes

    def knows(self, account_id: int) -> bool:
        """Say whether an account was looked up before."""
        return account_id in self._known

    def script(self, account_id: int) -> Script | None:
        """Return what is known of an account."""
        return self._known[account_id][0]

    def keep(self, account_id: int, script: Script | None, size_bytes: int) -> None:
        """Keep what was looked up; the oldest gives way."""
        self.forget(account_id)
        self._known[account_id] = script, size_bytes
        self._held_bytes += size_bytes
        while len(self._known) > MAX_ACCOUNTS or (self._held_bytes > MAX_HELD_BYTES and len(self._known) > 1):
            _, (_, dropped) = self._known.popitem(last=False)
            self._held_bytes -= dropped


def of(services: Services) -> Shelf:
    """Return the shelf of a node in this process."""
    return services.parts.get(Shelf, Shelf)


async def refreshed(services: Services) -> Shelf:
    """Return the shelf, true as of now: one keyed read when nothing changed."""
    shelf = of(services)
    version = await services.db.peek(scripts.version)
    if version != shelf.version:
        shelf.refresh(*await services.db.peek(_changed, shelf.version))
    return shelf


async def script(services: Services, shelf: Shelf, account_id: int) -> Script | None:
    """Return the compiled script in force of an account, None for none; one that does not compile any more counts as none."""
    if shelf.knows(account_id):
        return shelf.script(account_id)
    version = shelf.version
    account = await services.store.open_account(account_id)
    octets = await services.db.peek(scripts.active, account)
    found = None if octets is None else await _compiled(services, account, octets)
    if version == shelf.version:  # else it may have changed while it was read
        shelf.keep(account_id, found, len(octets or b""))
    return found


async def compiled(octets: bytes) -> Script:
    """Compile a script, a long one in a thread. Raises SieveError."""
    return compile(octets) if len(octets) <= INLINE_BYTES else await asyncio.to_thread(compile, octets)


async def _compiled(services: Services, account: AccountKey, octets: bytes) -> Script | None:
    try:
        return await compiled(octets)
    except SieveError as error:
        log.warning("sieve.not_compiled", account_id=account.account_id, fault=error.fault.name)
        await services.db.write_brief(scripts.note_fault, account, error.text)
        return None


def _changed(tx: Tx, since: int) -> tuple[int, list[tuple[int, int]]]:
    version = scripts.version(tx)
    return version, scripts.changed(tx, since, MAX_CHANGED)
