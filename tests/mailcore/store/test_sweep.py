"""What nothing shows any more goes after its grace, and nothing else does."""

import pytest

from config.clock import ManualClock
from mailcore.errors import Damaged
from mailcore.store import blobs, mailboxes, messages
from mailcore.store.blobs import INLINE_MAX_BYTES
from mailcore.store.store import Store
from mailcore.store.sweep import BLOB_GRACE_US, TOMBSTONE_GRACE_US, Swept
from mailcore.store.types import AccountId, Flag
from tests.mailcore.store.test_messages import fill, mail

ALICE, BOB = AccountId(11), AccountId(12)


async def delete(store: Store, account_id: AccountId, uid: int) -> None:
    inbox = await store.db.read(mailboxes.find, account_id, "INBOX")
    await store.db.write(messages.store_flags, inbox.key, [uid], "add", int(Flag.DELETED))
    await store.db.write(messages.expunge, inbox.key, [uid])


async def test_a_removed_message_stays_for_its_grace_then_goes(store: Store, clock: ManualClock) -> None:
    _, key = await fill(store, ALICE, 2)
    await delete(store, ALICE, 1)
    clock.advance(TOMBSTONE_GRACE_US - 1)
    assert await store.sweep(clock.now_us()) == Swept(0, 0)
    assert len(await store.db.read(messages.fetch, key, [1, 2])) == 2
    clock.advance(2)
    assert await store.sweep(clock.now_us()) == Swept(1, 1)
    assert [stored.uid for stored in await store.db.read(messages.fetch, key, [1, 2])] == [2]


async def test_a_blob_that_another_account_holds_stays(store: Store, clock: ManualClock) -> None:
    await fill(store, ALICE, 1)
    account, key = await fill(store, BOB, 1)
    await delete(store, ALICE, 1)
    clock.advance(TOMBSTONE_GRACE_US + 1)
    assert await store.sweep(clock.now_us()) == Swept(1, 0)
    [stored] = await store.db.read(messages.fetch, key, [1])
    assert await store.raw(account, stored) == mail(1)


async def test_a_copy_keeps_the_message(store: Store, clock: ManualClock) -> None:
    account, key = await fill(store, ALICE, 1)
    archive = await store.db.read(mailboxes.find, ALICE, "Archive")
    await store.db.write(messages.copy, key, [1], archive.key)
    await delete(store, ALICE, 1)
    clock.advance(TOMBSTONE_GRACE_US + 1)
    await store.sweep(clock.now_us())
    [stored] = await store.db.read(messages.fetch, archive.key, [1])
    assert await store.raw(account, stored) == mail(1)


async def test_the_messages_of_a_deleted_mailbox_go_too(store: Store, clock: ManualClock) -> None:
    await store.open_account(ALICE)
    await store.db.write(mailboxes.create, ALICE, "dossier")
    await fill(store, ALICE, 3, "dossier")
    await store.db.write(mailboxes.delete, ALICE, "dossier")
    clock.advance(TOMBSTONE_GRACE_US + 1)
    assert await store.sweep(clock.now_us()) == Swept(3, 3)


async def test_a_large_blob_that_nothing_names_goes_with_its_file(store: Store, clock: ManualClock) -> None:
    message = await store.prepare(mail(1, 2 * INLINE_MAX_BYTES))
    await store.keep(message)
    clock.advance(BLOB_GRACE_US - 1)
    await store.keep(message)
    clock.advance(BLOB_GRACE_US - 1)
    assert (await store.sweep(clock.now_us())).blobs == 0
    clock.advance(2)
    assert (await store.sweep(clock.now_us())).blobs == 1
    try:
        await store.read(message.blob_id, message.dek)
    except Damaged:
        return
    raise AssertionError("the file is still there")


async def test_a_small_blob_stands_beside_what_names_it_and_goes_when_nothing_does(store: Store, clock: ManualClock) -> None:
    message = await store.prepare(mail(1))
    await store.keep(message)
    with pytest.raises(Damaged):
        await store.read(message.blob_id, message.dek)  # nothing is on disk before the transaction
    await store.db.write(blobs.insert_small, message.blob_id, message.sealed)
    assert await store.read(message.blob_id, message.dek) == mail(1)
    clock.advance(BLOB_GRACE_US - 1)
    await store.db.write(blobs.insert_small, message.blob_id, message.sealed)
    clock.advance(BLOB_GRACE_US - 1)
    assert (await store.sweep(clock.now_us())).blobs == 0
    clock.advance(2)
    assert (await store.sweep(clock.now_us())).blobs == 1


async def test_what_was_kept_in_the_blob_database_is_still_read_and_swept(store: Store, clock: ManualClock) -> None:
    account, key = await fill(store, ALICE, 2)
    old = [await store.prepare(mail(number)) for number in (1, 2)]
    for message in old:
        assert isinstance(message.sealed, bytes)
        await store._blobs._db.write(blobs.insert, message.blob_id, len(message.sealed), message.sealed)
    assert await store.db.write(blobs.delete_small, [message.blob_id for message in old], 1 << 62) == 2
    found = await store.db.read(messages.fetch, key, [1, 2])
    assert [await store.raw(account, stored) for stored in found] == [mail(1), mail(2)]
    assert await store.raws(account, found) == [mail(1), mail(2)]
    await delete(store, ALICE, 1)
    clock.advance(TOMBSTONE_GRACE_US + 1)
    assert await store.sweep(clock.now_us()) == Swept(1, 1)


async def test_a_swept_tombstone_moves_the_horizon_of_its_mailbox(store: Store, clock: ManualClock) -> None:
    _, key = await fill(store, ALICE, 3)
    _, other = await fill(store, BOB, 2)
    before = (await store.db.read(mailboxes.find, ALICE, "INBOX")).highest_modseq
    await delete(store, ALICE, 1)
    clock.advance(TOMBSTONE_GRACE_US + 1)
    middle = (await store.db.read(mailboxes.find, ALICE, "INBOX")).highest_modseq
    await delete(store, ALICE, 2)
    assert await store.db.read(messages.vanished, key, before) == [1, 2]
    await store.sweep(clock.now_us())
    assert await store.db.read(messages.vanished, key, before) is None
    assert await store.db.read(messages.vanished, key, middle) == [2]
    assert not (await store.db.read(messages.changes, key, before)).complete
    assert (await store.db.read(messages.changes, key, middle)).expunged == (2,)
    assert await store.db.read(messages.vanished, other, 0) == []


async def test_the_sweep_of_a_removed_mailbox_leaves_nothing(store: Store, clock: ManualClock) -> None:
    await store.open_account(ALICE)
    made = await store.db.write(mailboxes.create, ALICE, "dossier")
    await fill(store, ALICE, 1, "dossier")
    await store.db.write(mailboxes.delete, ALICE, "dossier")
    clock.advance(TOMBSTONE_GRACE_US + 1)
    await store.sweep(clock.now_us())
    assert await store.db.read(messages.vanished, made.key, 0) is None
