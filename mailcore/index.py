"""The role that brings indexes and bundles up to date behind delivery: once enough has come and an account is quiet.

It hears of changes as they are committed; what other processes change, and what was left over, it finds by looking at all
accounts now and then. Messages are found before they are indexed, too (mailcore/store/fulltext): so it never hurries.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass

from config.background import running
from config.log import log
from mailcore.services import Services
from mailcore.store import accounts, bundles
from mailcore.store.fulltext import catch_up, rows
from mailcore.store.fulltext.segment import VERSION
from mailcore.store.store import Store
from mailcore.store.types import AccountId, Changed

TICK_S = 0.5
QUIET_S = 2.0  # without a change: mail often comes in bursts
ENOUGH = 16  # changes: a segment costs some 3 ms whatever is in it, and a search reads so many messages in as much
PLENTY = 500  # changes after which an account need not be quiet
LONGEST_S = 600.0  # after the first change, however few there are
LOOK_S = 300.0  # between looks at all accounts
LOOK_ACCOUNTS = 500  # found by one unit of work
BUSY_CHANGES = 10  # committed in the last tick: somebody waits for this process
REST, BUSY_REST = 1.0, 9.0  # seconds of rest for each second of work


@dataclass(slots=True)
class Account:
    """An account that changed: since when, when last, how often."""

    first_s: float
    last_s: float
    changes: int


class Waiting:
    """Accounts that changed. `now_s` gives seconds that never go back."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._accounts: dict[AccountId, Account] = {}
        self._heard, self._heard_before, self._tick_s = 0, 0, now_s()

    def hear(self, changes: Sequence[object]) -> None:
        """Note the changes of a committed unit: a listener of `Database`."""
        now_s = self._now_s()
        for change in changes:
            if isinstance(change, Changed) and change.account_id != accounts.NODE:
                self._heard += 1
                account = self._accounts.setdefault(change.account_id, Account(now_s, now_s, 0))
                account.last_s = now_s
                account.changes += 1

    def add(self, account_id: AccountId) -> None:
        """Let an account be due at once."""
        self._accounts[account_id] = Account(-LONGEST_S, 0.0, 0)

    def due(self) -> list[AccountId]:
        """Take the accounts that have waited long enough."""
        now_s = self._now_s()
        due = [account_id for account_id, account in self._accounts.items() if _is_due(account, now_s)]
        for account_id in due:
            del self._accounts[account_id]
        return due

    def rest_s(self, spent_s: float) -> float:
        """Return how long to rest after work of `spent_s`."""
        now_s = self._now_s()
        if now_s - self._tick_s >= TICK_S:
            self._heard_before, self._heard, self._tick_s = self._heard, 0, now_s
        return spent_s * (BUSY_REST if max(self._heard, self._heard_before) >= BUSY_CHANGES else REST)


def _is_due(account: Account, now_s: float) -> bool:
    settled = account.changes >= ENOUGH and now_s - account.last_s >= QUIET_S
    return settled or account.changes >= PLENTY or now_s - account.first_s >= LONGEST_S


@contextlib.asynccontextmanager
async def index(services: Services) -> AsyncIterator[None]:
    """Index in the background for as long as the node serves."""
    waiting = Waiting()
    services.db.listeners.append(waiting.hear)
    try:
        async with running("index", _forever(services.store, waiting)):
            yield
    finally:
        services.db.listeners.remove(waiting.hear)


async def _forever(store: Store, waiting: Waiting) -> None:
    looked_s = -LOOK_S
    while True:
        if time.monotonic() - looked_s >= LOOK_S:
            await _guarded("fulltext.look", look(store, waiting))
            looked_s = time.monotonic()
        for account_id in waiting.due():
            await _guarded("fulltext.index", once(store, waiting, account_id), account_id=account_id)
        await asyncio.sleep(TICK_S)


async def look(store: Store, waiting: Waiting) -> None:
    """Let every account wait that has something to index; drop what processes that died have left."""
    for account_id, segment in await store.db.read(rows.orphans):
        await store.db.write(rows.drop_orphan, account_id, segment)
    after = 0
    while found := await store.db.read(rows.behind, after, LOOK_ACCOUNTS):
        for after in found:
            waiting.add(after)
    after = 0
    while found := await store.db.read(bundles.lacking, after, LOOK_ACCOUNTS):
        for after in found:
            waiting.add(after)
    after = 0
    while found := await store.db.read(rows.outdated, VERSION, after, LOOK_ACCOUNTS):
        for after in found:
            waiting.add(after)


async def once(store: Store, waiting: Waiting, account_id: AccountId) -> None:
    """Index what an account has that is not indexed, and bundle what its lists show."""

    async def pause(spent_s: float) -> None:
        await asyncio.sleep(waiting.rest_s(spent_s))

    account = await store.open_account(account_id)
    done = await catch_up(store, account, pause)
    if done:
        log.info("fulltext.indexed", account_id=account_id, messages=done)
    await bundles.catch_up(store, account, pause)


async def _guarded(event: str, work: Coroutine[None, None, None], **facts: object) -> None:
    try:
        await work
    except rows.Overtaken:
        log.info(f"{event}_overtaken", **facts)
    except Exception:  # noqa: BLE001  (a driver: the next look is another try, and meanwhile searches read texts)
        log.exception(f"{event}_failed", **facts)
