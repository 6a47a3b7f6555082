"""The store as the fronts see it: prepare a message, keep it, read it back."""

import asyncio
from collections import OrderedDict
from pathlib import Path

from config.database import Database
from mailcore.errors import Damaged
from mailcore.message.index import index
from mailcore.store import accounts
from mailcore.store.blobs import Blobs, Sealer
from mailcore.store.bus import Bus
from mailcore.store.keyring import Keyring, KeyWrapper
from mailcore.store.keys import AccountKey
from mailcore.store.sweep import Swept, sweep
from mailcore.store.types import AccountId, BlobId, Prepared, Stored

INLINE_WORK_BYTES = 256 * 1024  # preparing or opening more than this goes to a thread: it would hold up the loop for ms
RECENT_BYTES = 32 * 1024 * 1024  # prepared messages kept at hand between acceptance and delivery


class Store:
    """Mailboxes, messages and blobs of one node. Units of work take `db`; blobs and keys go through here."""

    def __init__(self, db: Database, blobs: Blobs, keyring: Keyring, sealer: Sealer, bus: Bus) -> None:
        self.db, self.bus = db, bus
        self._blobs, self._keyring, self._sealer = blobs, keyring, sealer
        self._recent: OrderedDict[BlobId, Prepared] = OrderedDict()
        self._recent_bytes = 0

    @classmethod
    async def open(cls, db: Database, blob_db: Database, directory: Path, wrapper: KeyWrapper) -> "Store":
        """Open the store; the node's secret comes from the signer through `wrapper`."""
        bus = Bus()
        db.listeners.append(bus.hear)
        keyring = Keyring(db, wrapper)
        node = await keyring.open(accounts.NODE)
        return cls(db, Blobs(blob_db, directory), keyring, Sealer(node.secret), bus)

    async def open_account(self, account_id: int) -> AccountKey:
        """Unlock an account, making it and its mailboxes on first use."""
        return await self._keyring.open(AccountId(account_id))

    async def prepare(self, raw: bytes) -> Prepared:
        """Parse, name, compress and encrypt a message. Nothing is stored yet."""
        if len(raw) > INLINE_WORK_BYTES:
            return await asyncio.to_thread(self._prepare, raw)
        return self._prepare(raw)

    async def keep(self, message: Prepared) -> None:
        """Make the blob of a prepared message durable."""
        await self._blobs.put(message.blob_id, message.sealed)
        self._remember(message)

    async def prepared(self, blob_id: BlobId, dek: bytes) -> Prepared:
        """Return a kept message ready for delivery: from memory when it was kept lately, else read and parsed. Raises Damaged."""
        found = self._recent.get(blob_id)
        if found is not None:
            return found
        return await self.prepare(await self.read(blob_id, dek))

    async def read(self, blob_id: BlobId, dek: bytes) -> bytes:
        """Return the original octets. Raises Damaged."""
        sealed = await self._blobs.get(blob_id)
        if len(sealed) > INLINE_WORK_BYTES:
            return await asyncio.to_thread(self._sealer.open, blob_id, dek, sealed)
        return self._sealer.open(blob_id, dek, sealed)

    async def raw(self, account: AccountKey, stored: Stored) -> bytes:
        """Return the original octets of a message of this account. Raises Damaged."""
        return await self.read(stored.blob_id, account.unwrap(stored.dek_wrapped))

    async def verify(self, account: AccountKey, blob_id: BlobId, dek_wrapped: bytes, size_bytes: int) -> None:
        """Check that a blob is there, opens, and is the content it is named after. Raises Damaged."""
        content = await self.read(blob_id, account.unwrap(dek_wrapped))
        if len(content) != size_bytes or not self._sealer.matches(blob_id, content):
            raise Damaged(blob=blob_id.hex())

    async def sweep(self, now_us: int) -> Swept:
        """Drop what is past its grace."""
        return await sweep(self.db, self._blobs, now_us)

    def _prepare(self, raw: bytes) -> Prepared:
        blob_id, dek, sealed = self._sealer.seal(raw)
        return Prepared(blob_id, dek, sealed, len(raw), index(raw))

    def _remember(self, message: Prepared) -> None:
        if message.blob_id in self._recent:
            return
        self._recent[message.blob_id] = message
        self._recent_bytes += len(message.sealed)
        while self._recent_bytes > RECENT_BYTES:
            _, dropped = self._recent.popitem(last=False)
            self._recent_bytes -= len(dropped.sealed)
