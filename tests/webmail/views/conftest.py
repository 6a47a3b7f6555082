"""A mailbox that is lent, for as long as a test lasts."""

from collections.abc import AsyncIterator

import pytest_asyncio

from config.database import Tx
from directory import delegations, resolve
from directory.demo import FeaturedPerson
from mailcore.store import mailboxes, messages
from mailcore.store.types import AccountId
from tests.webmail.site import EDUCATION, Site


def account(tx: Tx, address: str) -> int:
    target = resolve.written(tx, address)
    assert target is not None
    return target.account_id


def lend(tx: Tx, owner: str, delegate: str, rights: list[str], folder: str, decision: str) -> int:
    made = delegations.grant(tx, account(tx, owner), account(tx, delegate), rights, folder=folder, decision_ref=decision)
    return made.delegation_id


class Lent:
    """A registry of another ministry whose mailbox the clerk borrows, until the test is over."""

    def __init__(self, site: Site, clerk: str) -> None:
        self.site, self.clerk, self.ids = site, clerk, list[int]()
        self.owner = EDUCATION

    async def lend(self, rights: list[str], folder: str = "", decision: str = "") -> int:
        """Lend; return the account."""
        self.ids.append(await self.site.services.db.write(lend, self.owner, self.clerk, rights, folder, decision))
        return await self.site.account(self.owner)

    async def end(self) -> None:
        """Take everything back."""
        for one in self.ids:
            await self.site.services.db.write(delegations.revoke, one)
        self.ids.clear()

    async def newest(self, address: str, role: str = "inbox") -> tuple[int, int, bytes, int]:
        """The newest message of a folder: mailbox, UID, octets, flags."""
        services = self.site.services
        key = await services.store.open_account(await self.site.account(address))
        mailbox = await services.db.read(mailboxes.by_role, AccountId(key.account_id), role)
        [stored] = await services.db.read(messages.page, mailbox.key, None, 1)
        return mailbox.key.mailbox_id, stored.uid, await services.store.raw(key, stored), stored.flags


@pytest_asyncio.fixture(loop_scope="session")
async def lent(site: Site, clerk: FeaturedPerson) -> AsyncIterator[Lent]:
    """Nothing lent yet; afterwards all is taken back."""
    made = Lent(site, clerk.address)
    yield made
    await made.end()
