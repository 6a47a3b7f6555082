"""Large messages are kept and read piece by piece, on both engines."""

import contextlib
import errno
import mmap
import os
import tracemalloc
from pathlib import Path

import pytest

from config.errors import MailError, NoRoom
from mailcore.errors import Damaged, Unavailable
from mailcore.store import blobs, messages
from mailcore.store.keys import AccountKey
from mailcore.store.sealing import CHUNK_BYTES, Chunks
from mailcore.store.store import Store
from mailcore.store.types import AccountId, Stored
from tests.mailcore.store.test_messages import fill, mail

ALICE = AccountId(11)
LARGE = mail(1, 2 * CHUNK_BYTES)


async def filed(store: Store, raw: bytes) -> tuple[AccountKey, Stored]:
    account, key = await fill(store, ALICE, 0)
    message = await store.prepare(raw)
    await store.keep(message)
    done = await store.db.write(messages.append, key, account, message, 0, 1)
    [stored] = await store.db.read(messages.fetch, key, [done.uid])
    return account, stored


async def test_a_large_message_comes_back_whole_and_in_slices(store: Store) -> None:
    account, stored = await filed(store, LARGE)
    assert len(LARGE) > 3 * CHUNK_BYTES
    assert await store.raw(account, stored) == LARGE
    assert [piece async for piece in store.stream(account, stored)] == [
        LARGE[place : place + CHUNK_BYTES] for place in range(0, len(LARGE), CHUNK_BYTES)
    ]
    for start, stop in ((0, 10), (CHUNK_BYTES - 1, CHUNK_BYTES + 1), (5, None), (len(LARGE), None), (7, 3)):
        assert b"".join([piece async for piece in store.stream(account, stored, start, stop)]) == LARGE[start:stop]


async def test_a_small_message_streams_too(store: Store) -> None:
    account, stored = await filed(store, mail(1))
    assert [piece async for piece in store.stream(account, stored, 3, 9)] == [mail(1)[3:9]]
    assert [piece async for piece in store.stream(account, stored, 9, 9)] == []


async def test_reading_a_slice_holds_a_few_chunks(store: Store) -> None:
    account, stored = await filed(store, mail(1, 10 * CHUNK_BYTES))
    tracemalloc.start()
    try:
        async for piece in store.stream(account, stored):
            assert len(piece) <= CHUNK_BYTES
        assert tracemalloc.get_traced_memory()[1] < 8 * CHUNK_BYTES  # of 10, and of whatever else happens in this process meanwhile
    finally:
        tracemalloc.stop()


async def test_keeping_a_file_in_memory_copies_a_chunk_at_a_time(store: Store, tmp_path: Path) -> None:
    raw = mail(2, 10 * CHUNK_BYTES)
    path = tmp_path / "message"
    path.write_bytes(raw)
    with path.open("rb") as file, contextlib.closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as mapped:
        tracemalloc.start()
        try:
            message = await store.prepare(mapped)
            await store.keep(message)
            store.remember(message)
            assert tracemalloc.get_traced_memory()[1] < 6 * CHUNK_BYTES
        finally:
            tracemalloc.stop()
    assert isinstance(message.sealed, Chunks)
    known = await store.prepared(message.blob_id, message.dek)
    assert (known.index, known.sealed) == (message.index, b"")
    assert await store.read(message.blob_id, message.dek) == raw
    assert message.index == (await store.prepare(raw)).index


async def test_leaving_a_stream_early_is_no_harm(store: Store) -> None:
    account, stored = await filed(store, LARGE)
    async with contextlib.aclosing(store.stream(account, stored)) as pieces:
        assert await anext(pieces) == LARGE[:CHUNK_BYTES]
    assert await store.raw(account, stored) == LARGE


async def test_a_truncated_file_is_damaged_and_check_says_so(store: Store, tmp_path: Path) -> None:
    account, stored = await filed(store, LARGE)
    name = stored.blob_id.hex()
    path = tmp_path / "blobs" / name[:2] / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(Damaged):
        [piece async for piece in store.stream(account, stored)]
    with pytest.raises(Damaged):
        await store.verify(account, stored.blob_id, stored.dek_wrapped, len(LARGE))
    path.write_bytes(whole)
    await store.verify(account, stored.blob_id, stored.dek_wrapped, len(LARGE))


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, NoRoom), (errno.EDQUOT, NoRoom), (errno.EIO, Unavailable)])
async def test_a_disk_that_is_full_and_one_that_fails_are_told_apart(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, said: type[MailError]
) -> None:
    def failing(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(blobs, "write_file", failing)
    message = await store.prepare(LARGE)
    with pytest.raises(said):
        await store.keep(message)
