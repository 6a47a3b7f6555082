"""Accounts as they are opened: made at first use, unlocked through the signer, kept unlocked while they are busy."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

from config.database import Database, Tx
from mailcore.store import accounts, mailboxes
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId

MAX_OPEN = 100_000  # accounts whose keys are kept in memory
MADE_AT_ONCE = 50  # accounts made in one transaction: some 15 ms
DEFAULT_MAILBOXES = (
    ("INBOX", "inbox"),
    ("Sent", "sent"),
    ("Drafts", "drafts"),
    ("Trash", "trash"),
    ("Junk", "junk"),
    ("Archive", "archive"),
)


class KeyWrapper(Protocol):
    """Who holds the node's key: the signer."""

    async def new_secret(self) -> tuple[bytes, bytes]:
        """Return a new secret: (wrapped for storing, 32 octets)."""
        ...

    async def new_secrets(self, number: int) -> list[tuple[bytes, bytes]]:
        """Return so many new secrets."""
        ...

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret behind `wrapped`."""
        ...

    async def unwrap_many(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Return the secrets behind each of `wrapped`, in the order given."""
        ...


class Keyring:
    """The unlocked keys of accounts, least recently used ones dropped."""

    def __init__(self, db: Database, wrapper: KeyWrapper) -> None:
        self._db, self._wrapper = db, wrapper
        self._open: OrderedDict[AccountId, AccountKey] = OrderedDict()

    async def open(self, account_id: AccountId) -> AccountKey:
        """Return the account's key, making the account and its mailboxes on first use."""
        found = self._open.get(account_id)
        if found is None:
            found = self._open[account_id] = AccountKey(account_id, await self._secret(account_id))
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        else:
            self._open.move_to_end(account_id)
        return found

    async def open_many(self, account_ids: Sequence[AccountId]) -> dict[AccountId, AccountKey]:
        """Return the keys of several accounts: one look and one question to the signer for those that are not at hand."""
        wanted = list(dict.fromkeys(account_ids))
        missing = [account_id for account_id in wanted if account_id not in self._open]
        wrapped = dict(await self._db.read(accounts.wrapped_keys, missing)) if missing else {}
        secrets = await self._wrapper.unwrap_many(list(wrapped.values())) if wrapped else []
        found = {account_id: AccountKey(account_id, secret) for account_id, secret in zip(wrapped, secrets, strict=True)}
        for account_id in wanted:
            if account_id in found:
                self._open[account_id] = found[account_id]
        unused = [account_id for account_id in wanted if account_id not in self._open]
        for start in range(0, len(unused), MADE_AT_ONCE):
            await self._make(unused[start : start + MADE_AT_ONCE])
        found = {account_id: await self.open(account_id) for account_id in wanted}
        while len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return found

    async def _make(self, account_ids: Sequence[AccountId]) -> None:
        """Make accounts that have never been used."""
        fresh = await self._wrapper.new_secrets(len(account_ids))
        kept = await self._db.write(create_many, {account_id: wrapped for account_id, (wrapped, _) in zip(account_ids, fresh, strict=True)})
        for account_id, (wrapped, secret) in zip(account_ids, fresh, strict=True):
            if kept[account_id] == wrapped:
                self._open[account_id] = AccountKey(account_id, secret)

    async def _secret(self, account_id: AccountId) -> bytes:
        wrapped = await self._db.peek(accounts.wrapped_key, account_id)
        if wrapped is None:
            fresh, secret = await self._wrapper.new_secret()
            wrapped = await self._db.write(create, account_id, fresh)
            if wrapped == fresh:
                return secret
        return await self._wrapper.unwrap(wrapped)


def create_many(tx: Tx, wrapped: Mapping[AccountId, bytes]) -> dict[AccountId, bytes]:
    """Make several accounts; return the keys that count."""
    return {account_id: create(tx, account_id, key) for account_id, key in sorted(wrapped.items())}


def create(tx: Tx, account_id: AccountId, key_wrapped: bytes) -> bytes:
    """Make an account with its default mailboxes; return the key that counts, another's when two came at once."""
    inserted = tx.execute(
        "INSERT INTO account (account_id, key_wrapped, created_us) VALUES (:account_id, :key, :now) ON CONFLICT DO NOTHING",
        account_id=account_id,
        key=key_wrapped,
        now=tx.now_us,
    )
    if inserted:
        tx.execute(
            """INSERT INTO account_state (account_id, modseq, mailbox_next, message_next, uidvalidity_next)
               VALUES (:account_id, 1, 1, 1, 1)""",
            account_id=account_id,
        )
        for name, role in DEFAULT_MAILBOXES if account_id != accounts.NODE else ():
            mailboxes.create(tx, account_id, name, role)
            mailboxes.subscribe(tx, account_id, name, on=True)
    stored = accounts.wrapped_key(tx, account_id)
    assert stored is not None
    return stored
