"""The store's contract: what every engine must do with messages."""

import asyncio
import random

import pytest

from config.clock import ManualClock
from config.database import Database
from mailcore.errors import Damaged, LimitReached, NoSuchMailbox
from mailcore.store import accounts, keywords, mailboxes, messages
from mailcore.store.blobs import INLINE_MAX_BYTES
from mailcore.store.keys import AccountKey
from mailcore.store.store import Store
from mailcore.store.types import MAX_KEYWORDS, AccountId, Flag, Mailbox, MailboxKey

ALICE, BOB = AccountId(11), AccountId(12)


def mail(number: int, size: int = 0) -> bytes:
    filler = random.Random(number).randbytes(size).hex().encode() if size else b"text"
    lines = b"\r\n".join(filler[n : n + 70] for n in range(0, len(filler), 70))
    return b"From: a@x.example\r\nSubject: letter %d\r\n\r\n%b\r\n" % (number, lines)


async def fill(store: Store, account_id: AccountId, count: int, name: str = "INBOX") -> tuple[AccountKey, MailboxKey]:
    account = await store.open_account(account_id)
    box = await store.db.read(mailboxes.find, account_id, name)
    for number in range(1, count + 1):
        message = await store.prepare(mail(number))
        await store.keep(message)
        await store.db.write(messages.append, box.key, account, message, 0, number)
    return account, box.key


async def state(store: Store, key: MailboxKey) -> dict[int, int]:
    taken = await store.db.read(messages.snapshot, key)
    return dict(zip(taken.uids, taken.flags, strict=True))


async def box(store: Store, name: str, account_id: AccountId = ALICE) -> Mailbox:
    return await store.db.read(mailboxes.find, account_id, name)


async def test_append_gives_ascending_uids_and_the_octets_come_back(store: Store) -> None:
    account, key = await fill(store, ALICE, 3)
    found = await store.db.read(messages.fetch, key, [1, 2, 3], summary=True, header=True)
    assert [stored.uid for stored in found] == [1, 2, 3]
    assert [account.summary(stored).subject for stored in found] == ["letter 1", "letter 2", "letter 3"]
    assert await store.raw(account, found[1]) == mail(2)
    assert b"".join(raw for _, raw in account.header(found[1]).fields) == b"From: a@x.example\r\nSubject: letter 2\r\n"
    inbox = await box(store, "inbox")
    assert (inbox.exists, inbox.unseen, inbox.uid_next, inbox.size_bytes) == (3, 3, 4, 3 * len(mail(1)))


async def test_the_same_content_is_one_blob_for_all_accounts(store: Store) -> None:
    first, second = await fill(store, ALICE, 1), await fill(store, BOB, 1)
    [mine] = await store.db.read(messages.fetch, first[1], [1])
    [hers] = await store.db.read(messages.fetch, second[1], [1])
    assert mine.blob_id == hers.blob_id
    assert mine.dek_wrapped != hers.dek_wrapped
    assert first[0].unwrap(mine.dek_wrapped) == second[0].unwrap(hers.dek_wrapped)


async def test_another_accounts_key_opens_nothing(store: Store) -> None:
    _, key = await fill(store, ALICE, 1)
    bob = await store.open_account(BOB)
    [stored] = await store.db.read(messages.fetch, key, [1], summary=True)
    with pytest.raises(Damaged):
        bob.summary(stored)
    with pytest.raises(Damaged):
        await store.raw(bob, stored)


async def test_large_messages_are_files_and_come_back(store: Store) -> None:
    account, key = await fill(store, ALICE, 0)
    raw = mail(7, 2 * INLINE_MAX_BYTES)
    message = await store.prepare(raw)
    assert isinstance(message.sealed, bytes)
    assert len(message.sealed) > INLINE_MAX_BYTES
    await store.keep(message)
    await store.keep(message)
    await store.db.write(messages.append, key, account, message, 0, 1)
    [stored] = await store.db.read(messages.fetch, key, [1])
    assert await store.raw(account, stored) == raw


@pytest.mark.parametrize(
    ("op", "flags", "want"),
    [("add", Flag.SEEN | Flag.FLAGGED, 7), ("remove", Flag.ANSWERED | Flag.SEEN, 0), ("replace", Flag.DRAFT, 16)],
)
async def test_store_combines_flags(store: Store, op: str, flags: int, want: int) -> None:
    _, key = await fill(store, ALICE, 2)
    await store.db.write(messages.store_flags, key, [1], "replace", int(Flag.ANSWERED))
    done = await store.db.write(messages.store_flags, key, [1, 99], op, int(flags))
    assert [(f.uid, f.flags) for f in done.changed] == [(1, want)]
    assert await state(store, key) == {1: want, 2: 0}
    assert (await box(store, "INBOX")).unseen == 2 - bool(want & 1)


async def test_store_leaves_modseq_alone_when_nothing_changes(store: Store) -> None:
    _, key = await fill(store, ALICE, 1)
    before = (await store.db.read(messages.snapshot, key)).modseqs[0]
    assert (await store.db.write(messages.store_flags, key, [1], "remove", 1)).changed == ()
    assert (await store.db.read(messages.snapshot, key)).modseqs[0] == before


async def test_store_unchangedsince_refuses_what_changed_later(store: Store) -> None:
    _, key = await fill(store, ALICE, 2)
    seen = (await box(store, "INBOX")).highest_modseq
    await store.db.write(messages.store_flags, key, [2], "add", 1)
    done = await store.db.write(messages.store_flags, key, [1, 2], "add", 4, seen)
    assert [f.uid for f in done.changed] == [1]
    assert done.failed == (2,)


async def test_copy_gives_new_uids_even_in_the_same_mailbox(store: Store) -> None:
    _, key = await fill(store, ALICE, 2)
    archive = await box(store, "Archive")
    assert (await store.db.write(messages.copy, key, [2, 1, 9], archive.key)).pairs == ((1, 1), (2, 2))
    assert (await store.db.write(messages.copy, key, [2], key)).pairs == ((2, 3),)
    assert list(await state(store, key)) == [1, 2, 3]


async def test_move_takes_away_and_keeps_flags(store: Store) -> None:
    _, key = await fill(store, ALICE, 3)
    await store.db.write(messages.store_flags, key, [2], "add", int(Flag.SEEN))
    trash = await box(store, "Trash")
    before = await box(store, "INBOX")
    moved = await store.db.write(messages.move, key, [2], trash.key)
    assert moved.pairs == ((2, 1),)
    assert list(await state(store, key)) == [1, 3]
    assert await state(store, trash.key) == {1: 1}
    delta = await store.db.read(messages.changes, key, before.highest_modseq)
    assert delta.expunged == (2,)


async def test_expunge_keeps_messages_without_deleted(store: Store) -> None:
    _, key = await fill(store, ALICE, 4)
    await store.db.write(messages.store_flags, key, [1, 3, 4], "add", int(Flag.DELETED))
    assert (await store.db.write(messages.expunge, key, [2, 3])).uids == (3,)
    assert (await store.db.write(messages.expunge, key, None)).uids == (1, 4)
    assert list(await state(store, key)) == [2]


async def test_an_expunged_message_can_be_fetched_until_the_sweep(store: Store) -> None:
    account, key = await fill(store, ALICE, 2)
    await store.db.write(messages.store_flags, key, [1], "add", int(Flag.DELETED))
    await store.db.write(messages.expunge, key, None)
    found = await store.db.read(messages.fetch, key, [1, 2], summary=True)
    assert [stored.uid for stored in found] == [1, 2]
    assert await store.raw(account, found[0]) == mail(1)


async def test_uids_are_never_used_again(store: Store) -> None:
    account, key = await fill(store, ALICE, 2)
    await store.db.write(messages.store_flags, key, [2], "add", int(Flag.DELETED))
    await store.db.write(messages.expunge, key, None)
    message = await store.prepare(mail(9))
    await store.keep(message)
    assert (await store.db.write(messages.append, key, account, message, 0, 1)).uid == 3


async def test_changes_tell_all_that_happened_since(store: Store) -> None:
    _, key = await fill(store, ALICE, 3)
    since = (await box(store, "INBOX")).highest_modseq
    await store.db.write(messages.store_flags, key, [1, 2], "add", int(Flag.DELETED))
    await store.db.write(messages.expunge, key, [1])
    await store.db.write(messages.copy, key, [3], key)
    delta = await store.db.read(messages.changes, key, since)
    assert [(f.uid, f.flags) for f in delta.updated] == [(2, 8), (4, 0)]
    assert delta.expunged == (1,)
    assert (await store.db.read(messages.changes, key, delta.mailbox.highest_modseq)).updated == ()


async def test_page_goes_backwards_from_the_newest(store: Store) -> None:
    _, key = await fill(store, ALICE, 7)
    first = await store.db.read(messages.page, key, None, 3)
    then = await store.db.read(messages.page, key, first[-1].uid, 3)
    assert [[s.uid for s in page] for page in (first, then)] == [[7, 6, 5], [4, 3, 2]]


async def test_concurrent_deliveries_leave_no_hole_that_a_reader_could_see(store: Store) -> None:
    account, key = await fill(store, ALICE, 0)
    prepared = [await store.prepare(mail(n)) for n in range(40)]
    for message in prepared:
        await store.keep(message)
    seen: list[list[int]] = []

    async def read() -> None:
        for _ in range(20):
            seen.append(list((await store.db.read(messages.snapshot, key)).uids))

    await asyncio.gather(read(), *(store.db.write(messages.deliver, account, message, 1) for message in prepared))
    assert all(uids == list(range(1, len(uids) + 1)) for uids in seen)
    assert list(await state(store, key)) == list(range(1, 41))


async def test_keywords_are_caseless_and_bounded(store: Store) -> None:
    await store.open_account(ALICE)
    first = await store.db.write(keywords.bits, ALICE, ["$Forwarded", "urgent"])
    assert await store.db.write(keywords.bits, ALICE, ["URGENT", "$forwarded"]) == first
    assert await store.db.read(keywords.names, ALICE) == {1 << 8: "$Forwarded", 1 << 9: "urgent"}
    with pytest.raises(LimitReached):
        await store.db.write(keywords.bits, ALICE, [f"k{n}" for n in range(60)])
    assert len(await store.db.read(keywords.names, ALICE)) == 2


async def test_guests_leave_the_owner_keywords(store: Store) -> None:
    await store.open_account(ALICE)
    room = MAX_KEYWORDS - keywords.KEPT_FOR_OWNER
    await store.db.write(keywords.bits, ALICE, [f"k{n}" for n in range(room)], keywords.KEPT_FOR_OWNER)
    with pytest.raises(LimitReached):
        await store.db.write(keywords.bits, ALICE, ["more"], keywords.KEPT_FOR_OWNER)
    assert await store.db.write(keywords.bits, ALICE, ["K1"], keywords.KEPT_FOR_OWNER)
    await store.db.write(keywords.bits, ALICE, [f"own{n}" for n in range(keywords.KEPT_FOR_OWNER)])
    assert len(await store.db.read(keywords.names, ALICE)) == MAX_KEYWORDS


async def test_the_bus_tells_of_changes_after_they_are_durable(store: Store) -> None:
    _, key = await fill(store, ALICE, 1)
    with store.bus.subscribe(ALICE) as mine, store.bus.subscribe(BOB) as hers:
        await store.db.write(messages.store_flags, key, [1], "add", 1)
        assert await mine.wait(5)
        assert not await hers.wait(0)


async def test_a_missing_mailbox_is_refused(store: Store) -> None:
    account, key = await fill(store, ALICE, 1)
    gone = MailboxKey(ALICE, type(key.mailbox_id)(999))
    message = await store.prepare(mail(2))
    await store.keep(message)
    with pytest.raises(NoSuchMailbox):
        await store.db.write(messages.append, gone, account, message, 0, 1)
    with pytest.raises(NoSuchMailbox):
        await store.db.write(messages.copy, key, [1], gone)
    assert list(await state(store, key)) == [1]


async def test_opening_an_account_twice_at_once_makes_it_once(store: Store) -> None:
    first, second = await asyncio.gather(store.open_account(ALICE), store.open_account(ALICE))
    assert first.secret == second.secret
    assert [b.name for b in await store.db.read(mailboxes.listing, ALICE)] == ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]


async def test_check_finds_what_is_broken(database: Database, store: Store, clock: ManualClock) -> None:
    from mailcore.store.check import check

    await fill(store, ALICE, 1)
    params = {"account_id": int(ALICE)}
    await database.write(lambda tx: tx.execute("UPDATE mailbox SET message_count = 5 WHERE role = 'inbox'"))
    assert [line.split(":")[0] for line in await database.read(check)] == ["mailbox counts messages"]
    await database.write(lambda tx: tx.execute("UPDATE mailbox SET message_count = 1 WHERE role = 'inbox'"))
    await database.write(
        lambda tx: tx.execute("UPDATE mailbox SET uid_next = 1 WHERE role = 'inbox' AND account_id = :account_id", **params)
    )
    assert [line.split(":")[0] for line in await database.read(check)] == ["UIDNEXT is above every UID"]
    await database.write(lambda tx: tx.execute("UPDATE mailbox SET uid_next = 2 WHERE role = 'inbox'"))
    await database.write(accounts.bump, ALICE)


@pytest.mark.parametrize("op", list(messages.OPERATIONS))
@pytest.mark.parametrize("flags", [int(Flag.SEEN), int(Flag.SEEN | Flag.DRAFT), int(Flag.FLAGGED), 0])
async def test_a_range_of_uids_is_changed_as_a_list_of_them(store: Store, op: str, flags: int) -> None:
    _, key = await fill(store, ALICE, 6)
    await store.db.write(messages.store_flags, key, [2, 3], "add", int(Flag.SEEN))
    await store.db.write(messages.store_flags, key, [3, 4], "add", int(Flag.FLAGGED))
    before = await state(store, key)
    done = await store.db.write(messages.store_flags, key, range(2, 6), op, flags)
    after = {uid: messages.OPERATIONS[op](old, flags) if 2 <= uid <= 5 else old for uid, old in before.items()}
    assert await state(store, key) == after
    assert {one.uid: one.flags for one in done.changed} == {uid: new for uid, new in after.items() if new != before[uid]}
    assert done.since < done.modseq


async def test_only_one_of_two_conditional_changes_is_made(store: Store) -> None:
    _, key = await fill(store, ALICE, 1)
    seen = (await store.db.read(messages.snapshot, key)).modseqs[0]
    bits = [int(Flag.SEEN), int(Flag.FLAGGED), int(Flag.DRAFT), int(Flag.ANSWERED)]
    done = await asyncio.gather(*(store.db.write(messages.store_flags, key, [1], "add", bit, seen) for bit in bits))
    assert sorted(len(one.changed) for one in done) == [0, 0, 0, 1]
    assert sorted(one.failed for one in done) == [(), (1,), (1,), (1,)]
    assert (await state(store, key))[1] in bits


async def test_one_message_is_read_like_several(store: Store) -> None:
    account, key = await fill(store, ALICE, 3)
    large = await store.prepare(mail(4, 3 * INLINE_MAX_BYTES))
    await store.keep(large)
    await store.db.write(messages.append, key, account, large, 5, 77)
    await store.db.write(messages.remove, key, [2])
    for stored in await store.db.read(messages.fetch, key, [1, 2, 3, 4]):
        found = await store.look(key, stored.uid)
        assert found is not None
        assert found[0] == stored
        assert await store.unsealed(account, [found], list) == [mail(stored.uid, 3 * INLINE_MAX_BYTES * (stored.uid == 4))]
    assert await store.look(key, 5) is None


@pytest.mark.parametrize("wanted", [range(1, 6), [1, 2, 3, 4, 5], [5, 3, 1], [1, 5, 9, 4], [2], [], [4, 5, 6, 7]])
async def test_uids_are_found_however_they_are_named(store: Store, wanted: "list[int] | range") -> None:
    _, key = await fill(store, ALICE, 5)
    found = await store.db.read(messages.fetch, key, wanted)
    assert [stored.uid for stored in found] == [uid for uid in range(1, 6) if uid in wanted]
