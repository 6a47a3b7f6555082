"""The store as the fronts see it: prepare a message, keep it, read it back."""

import asyncio
import contextlib
import hmac
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

from config.database import NOT_NOW, Database
from mailcore.errors import Damaged
from mailcore.message.index import index
from mailcore.store import accounts, reading
from mailcore.store.blobs import Blobs, Source, is_small
from mailcore.store.bus import Bus
from mailcore.store.fulltext.shelf import Shelf
from mailcore.store.keyring import Keyring, KeyWrapper
from mailcore.store.keys import AccountKey
from mailcore.store.opening import content, contents, opened
from mailcore.store.sealing import Content, Sealer, forget
from mailcore.store.sweep import Swept, sweep
from mailcore.store.types import AccountId, BlobId, MailboxKey, Prepared, Stored

INLINE_OPEN_BYTES = 128 * 1024  # opening more than this goes to a thread: here it takes a fifth of a millisecond, as long as a turn
INLINE_WORK_BYTES = 256 * 1024  # preparing or opening more than this goes to a thread: it would hold up the loop for ms
RECENT_BYTES = 32 * 1024 * 1024  # what is known of messages, kept at hand between acceptance and delivery
RECENT_OVERHEAD = 4096  # of one message: what its objects cost beside their octets

T = TypeVar("T")
Octets = list[bytes | memoryview | Damaged]
Sealed = tuple[Stored, Source | None]  # a message, and where its sealed octets are; None where they are not


class Store:
    """Mailboxes, messages and blobs of one node. Units of work take `db`; blobs and keys go through here."""

    def __init__(self, db: Database, blobs: Blobs, keyring: Keyring, sealer: Sealer, bus: Bus) -> None:
        self.db, self.bus = db, bus
        self.segments = Shelf()  # of the full-text index
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
        return cls(db, Blobs(db, blob_db, directory), keyring, Sealer(node.secret), bus)

    async def open_account(self, account_id: int) -> AccountKey:
        """Unlock an account, making it and its mailboxes on first use."""
        return await self._keyring.open(AccountId(account_id))

    async def open_accounts(self, account_ids: Sequence[int]) -> dict[AccountId, AccountKey]:
        """Unlock several accounts at once."""
        return await self._keyring.open_many([AccountId(account_id) for account_id in account_ids])

    async def prepare(self, raw: Content) -> Prepared:
        """Parse, name, compress and encrypt a message. Nothing is stored yet; a large one is sealed while it is kept."""
        if len(raw) > INLINE_WORK_BYTES:
            return await asyncio.to_thread(self._prepare, raw)
        return self._prepare(raw)

    async def keep(self, message: Prepared) -> None:
        """Make the blob of a large message durable; that of a small one is written by the transaction that names it.

        Raises NoRoom, Unavailable.
        """
        if message.sealed and not is_small(message.sealed):
            await self._blobs.put(message.blob_id, message.sealed)

    async def file(self, raw: Content) -> Prepared:
        """Prepare and keep a message. Raises NoRoom, Unavailable."""
        message = await self.prepare(raw)
        await self.keep(message)
        return message

    def remember(self, message: Prepared) -> None:
        """Keep what is known of a message at hand for `prepared`, without its octets: they are durable, or will be before anybody asks."""
        if message.blob_id in self._recent:
            return
        self._recent[message.blob_id] = replace(message, sealed=b"")
        self._recent_bytes += _known_bytes(message)
        while self._recent_bytes > RECENT_BYTES:
            _, dropped = self._recent.popitem(last=False)
            self._recent_bytes -= _known_bytes(dropped)

    async def prepared(self, blob_id: BlobId, dek: bytes) -> Prepared:
        """Return a durable message ready for delivery: from memory when it was remembered lately, else read and parsed. Raises Damaged."""
        found = self._recent.get(blob_id)
        if found is not None:
            return found
        return replace(await self.prepare(await self.read(blob_id, dek)), sealed=b"")

    async def read(self, blob_id: BlobId, dek: bytes) -> bytes:
        """Return the original octets. Raises Damaged."""
        source = await self._blobs.open(blob_id)
        if _is_quick(source):
            return content(source, blob_id, dek)
        return await asyncio.to_thread(content, source, blob_id, dek)

    async def stream(self, account: AccountKey, stored: Stored, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the original octets from `start` up to `stop` (None: the end), in pieces of at most CHUNK_BYTES.

        However large the message, one piece is in memory at a time. To be closed (`contextlib.aclosing`) when it is
        not read to its end. Raises Damaged, which may be after some pieces.
        """
        async with contextlib.aclosing(self.pieces(stored.blob_id, account.unwrap(stored.dek_wrapped), start, stop)) as pieces:
            async for piece in pieces:
                yield piece

    async def pieces(self, blob_id: BlobId, dek: bytes, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the octets of a blob as `stream` does. None is read ahead: whoever takes them may be slow, and many."""
        source = await self._blobs.open(blob_id)
        opening = opened(source, blob_id, dek, start, stop)
        if _is_quick(source):
            for piece in opening:
                yield piece
            return
        while (found := await asyncio.to_thread(next, opening, None)) is not None:
            yield found

    async def raw(self, account: AccountKey, stored: Stored) -> bytes:
        """Return the original octets of a message of this account. Raises Damaged."""
        return await self.read(stored.blob_id, account.unwrap(stored.dek_wrapped))

    async def raws(self, account: AccountKey, several: Sequence[Stored]) -> list[bytes | Damaged]:
        """Return the original octets of some small messages of this account, or for each why it cannot be read."""
        return await self.unsealed(
            account, await self.sealed(several), lambda found: [each if isinstance(each, Damaged) else bytes(each) for each in found]
        )

    async def sealed(self, several: Sequence[Stored]) -> list[Sealed]:
        """Return some small messages, each with where its sealed octets are: one unit of work for all, turns cost more than reading."""
        sources = await self._blobs.several(list(dict.fromkeys([stored.blob_id for stored in several])))
        return [(stored, sources[stored.blob_id]) for stored in several]

    async def look(self, key: MailboxKey, uid: int) -> Sealed | None:
        """Return one message with where its sealed octets are, without a thread's turn where they are few; None when it is gone."""
        found = await self.db.peek(reading.one, key, uid, INLINE_OPEN_BYTES)
        if found is None:
            return None
        stored, octets = found
        return (stored, Source(octets)) if octets is not None else (await self.sealed([stored]))[0]

    def at_hand(self, account: AccountKey, key: MailboxKey, uid: int, below: int) -> tuple[Stored, bytes] | None:
        """Return one message with its original octets when these are fewer than `below` and nothing must be waited for, else None.

        Raises Damaged.
        """
        found = self.db.glance(reading.one, key, uid, below)
        if found is NOT_NOW or found is None:
            return None
        stored, sealed = found
        return None if sealed is None else (stored, content(Source(sealed), stored.blob_id, account.unwrap(stored.dek_wrapped)))

    async def unsealed(self, account: AccountKey, found: Sequence[Sealed], then: Callable[[Octets], T]) -> T:
        """Return what `then` makes of the original octets of each, or of why it cannot be read.

        All of it is done here when they are few, else in one turn of a thread: the event loop and a thread that both want the
        interpreter hold each other up.
        """
        waits = any(source is not None and source.is_file for _, source in found)
        if not waits and sum([stored.size_bytes for stored, _ in found]) <= INLINE_OPEN_BYTES:
            return then(_contents(account, found))
        return await asyncio.to_thread(lambda: then(_contents(account, found)))

    async def verify(self, account: AccountKey, blob_id: BlobId, dek_wrapped: bytes, size_bytes: int) -> None:
        """Check that a blob is there, opens, and is the content it is named after. Raises Damaged."""
        naming, found_bytes = self._sealer.naming(), 0
        async with contextlib.aclosing(self.pieces(blob_id, account.unwrap(dek_wrapped))) as pieces:
            async for piece in pieces:
                naming.update(piece)
                found_bytes += len(piece)
        if found_bytes != size_bytes or not hmac.compare_digest(naming.digest(), blob_id):
            raise Damaged(blob=blob_id.hex())

    async def sweep(self, now_us: int) -> Swept:
        """Drop what is past its grace."""
        return await sweep(self.db, self._blobs, now_us)

    def _prepare(self, raw: Content) -> Prepared:
        blob_id, dek, sealed = self._sealer.seal(raw)
        prepared = Prepared(blob_id, dek, sealed, len(raw), index(cast(bytes, raw)))
        forget(raw)
        return prepared


def _contents(account: AccountKey, found: Sequence[Sealed]) -> Octets:
    """Open messages; those of which there are no octets, or no key, are damaged."""
    keys: list[tuple[Source, BlobId, bytes]] = []
    failed: dict[int, Damaged] = {}
    for number, (stored, source) in enumerate(found):
        try:
            if source is None:
                raise Damaged(blob=stored.blob_id.hex())
            keys.append((source, stored.blob_id, account.unwrap(stored.dek_wrapped)))
        except Damaged as error:
            failed[number] = error
    opened = iter(contents(keys))
    return [failed[number] if number in failed else next(opened) for number in range(len(found))]


def _is_quick(source: Source) -> bool:
    return not source.is_file and source.size_bytes <= INLINE_WORK_BYTES


def _known_bytes(message: Prepared) -> int:
    return 2 * message.index.header.header_bytes + RECENT_OVERHEAD
