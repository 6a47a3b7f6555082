"""One message in many accounts: sealed once, and to whoever reads it like any other."""

import pytest

from config.clock import ManualClock
from config.database import Tx
from directory import quotas
from directory.quotas import Quota
from mailcore.errors import Damaged
from mailcore.store import blobs, bundles, crossing, mailboxes, mass, messages
from mailcore.store.check import check
from mailcore.store.fulltext import rows as unindexed
from mailcore.store.keys import AccountKey
from mailcore.store.store import Store
from mailcore.store.sweep import BLOB_GRACE_US, TOMBSTONE_GRACE_US
from mailcore.store.types import AccountId, Flag, MailboxKey, Prepared
from tests.mailcore.store.test_messages import fill, mail

MANY = [AccountId(number) for number in (11, 12, 13, 14)]
FACES = "SELECT COUNT(*) FROM shared_face"


async def deliver(store: Store, message: Prepared, accounts: list[AccountId] = MANY) -> list[AccountId]:
    """Deliver one message to many; return who got it."""
    keys = await store.open_accounts(accounts)
    letter = mass.letter(message)

    def unit(tx: Tx) -> list[AccountId]:
        places = mass.fitting(tx, sorted(keys), message, "inbox")
        if places:
            mass.deliver(tx, places, mass.copies(keys, letter), letter, 5)
        return [place.account_id for place in places]

    return await store.db.write(unit)


async def opened(store: Store, account_id: AccountId) -> tuple[AccountKey, MailboxKey]:
    return await store.open_account(account_id), (await store.db.read(mailboxes.find, account_id, "INBOX")).key


async def kept(store: Store, raw: bytes) -> Prepared:
    """A durable message, as the queue has it."""
    message = await store.file(raw)
    await store.db.write(blobs.insert_small, message.blob_id, message.sealed)
    return message


async def test_each_account_reads_it_as_if_it_had_come_alone(store: Store) -> None:
    message = await kept(store, mail(7))
    alone, alone_key = await fill(store, AccountId(50), 1)
    assert await deliver(store, message) == MANY
    assert await store.db.read(lambda tx: tx.value(FACES)) == 1
    for account_id in MANY:
        account, key = await opened(store, account_id)
        [stored] = await store.db.read(messages.fetch, key, [1], summary=True, header=True)
        assert account.summary(stored) == message.index.summary
        assert account.header(stored) == message.index.header
        assert account.faces(stored).envelope == message.index.summary.envelope
        assert account.fields(stored).fields == message.index.header.fields
        assert await store.raw(account, stored) == mail(7)
    [stored] = await store.db.read(messages.fetch, alone_key, [1], summary=True, header=True, light=True)
    assert not stored.is_shared
    assert alone.summary(stored)


async def test_no_other_message_s_key_opens_it(store: Store) -> None:
    message, other = await kept(store, mail(1)), await kept(store, mail(2))
    await deliver(store, message)
    await deliver(store, other)
    account, key = await opened(store, MANY[0])
    one, two = await store.db.read(messages.fetch, key, [1, 2], summary=True, header=True)
    await store.db.write(
        lambda tx: tx.execute("UPDATE shared_face SET summary = :x WHERE blob_id = :id", x=two.summary_sealed, id=one.blob_id)
    )
    [changed] = await store.db.read(messages.fetch, key, [1], summary=True)
    with pytest.raises(Damaged):
        account.summary(changed)


async def test_a_lost_face_is_found_and_said(store: Store) -> None:
    message = await kept(store, mail(1))
    await deliver(store, message, MANY[:1])
    account, key = await opened(store, MANY[0])
    [face] = await store.db.read(lambda tx: tx.rows("SELECT blob_id, touched_us, summary, header FROM shared_face"))
    await store.db.write(lambda tx: tx.execute("DELETE FROM shared_face"))
    assert [line.partition(":")[0] for line in await store.db.read(check)] == ["every message has its header, or one that it shares"]
    [stored] = await store.db.read(messages.fetch, key, [1], summary=True, header=True)
    for read in (account.summary, account.header):
        with pytest.raises(Damaged):
            read(stored)
    again = dict(zip(("blob_id", "touched_us", "summary", "header"), face, strict=True))
    await store.db.write(lambda tx: tx.execute("INSERT INTO shared_face VALUES (:blob_id, :touched_us, :summary, :header)", **again))


async def test_who_has_no_room_is_left_out_by_the_quota_that_holds_for_them(store: Store) -> None:
    message = await kept(store, mail(1))
    await store.open_accounts(MANY)
    await store.db.write(quotas.give, MANY[1], Quota(message.size_bytes - 1, None))
    await store.db.write(quotas.give, MANY[2], Quota(message.size_bytes, None))
    await store.db.write(quotas.give, MANY[3], Quota(None, 0))
    assert await deliver(store, message) == [MANY[0], MANY[2]]
    assert await deliver(store, message) == [MANY[0]]


async def test_a_copy_in_another_account_is_sealed_for_it_alone(store: Store) -> None:
    message = await kept(store, mail(3))
    await deliver(store, message)
    account, key = await opened(store, MANY[0])
    target, target_key = await opened(store, AccountId(77))
    taken = await crossing.open_all(store.db, account, key, [1], target)
    await store.db.write(crossing.copy, key, [1], taken, target, "INBOX", messages.EVERY_FLAG)
    [stored] = await store.db.read(messages.fetch, target_key, [1], summary=True, header=True)
    assert not stored.is_shared
    assert (target.summary(stored), target.header(stored)) == (message.index.summary, message.index.header)


async def test_bundles_and_the_index_find_it(store: Store) -> None:
    message = await kept(store, mail(3))
    await deliver(store, message)
    account, _ = await opened(store, MANY[0])
    span = await store.db.read(bundles.gather, account.account_id, 0)
    assert len(span.rows) == span.message_count == 1
    sealed = bundles.seal(account, span)
    assert await store.db.write(bundles.put, account.account_id, span, sealed)
    page = await store.db.read(unindexed.page, account.account_id, 0, 10, 1 << 20)
    assert [account.header(each.stored) for each in page.messages] == [message.index.header]


async def test_the_face_stays_as_long_as_a_message_refers_to_it(store: Store, clock: ManualClock) -> None:
    message = await kept(store, mail(1))
    await deliver(store, message, MANY[:2])
    for account_id, left in ((MANY[0], 1), (MANY[1], 0)):
        _, key = await opened(store, account_id)
        await store.db.write(messages.store_flags, key, [1], "add", int(Flag.DELETED))
        await store.db.write(messages.expunge, key, [1])
        clock.advance(TOMBSTONE_GRACE_US + BLOB_GRACE_US + 1)
        await store.sweep(clock.now_us())
        assert await store.db.read(lambda tx: tx.value(FACES)) == left
