"""Bundles say what the rows say, of whole spans only, and nothing of what has gone."""

import pytest

from config.clock import ManualClock
from config.database import Tx
from mailcore.message.types import Faces, Fields
from mailcore.store import bundles, mailboxes, messages
from mailcore.store.bundles import FACES, FIELDS, SPAN, FacesBundle, FieldsBundle
from mailcore.store.keys import AccountKey
from mailcore.store.store import Store
from mailcore.store.sweep import TOMBSTONE_GRACE_US
from mailcore.store.types import AccountId, MailboxKey, Prepared
from tests.mailcore.store.test_messages import mail

ALICE = AccountId(11)
KINDS = (FACES, FIELDS)


def put_all(tx: Tx, key: MailboxKey, account: AccountKey, letters: list[Prepared]) -> None:
    for number, letter in enumerate(letters):
        messages.append(tx, key, account, letter, 0, number)


async def filled(store: Store, count: int = SPAN + 9) -> tuple[AccountKey, MailboxKey]:
    account = await store.open_account(ALICE)
    key = (await store.db.read(mailboxes.find, ALICE, "INBOX")).key
    letters = [await store.prepare(mail(number % 5)) for number in range(count)]
    await store.db.write(put_all, key, account, letters)
    return account, key


async def no_pause(spent_s: float) -> None:
    """Tests do not rest."""


async def made(store: Store, account: AccountKey) -> int:
    return await bundles.catch_up(store, account, no_pause)


async def test_whole_spans_are_bundled_once_and_say_what_the_rows_say(store: Store) -> None:
    account, key = await filled(store)
    assert await store.db.read(bundles.lacking, 0, 9) == [ALICE]
    assert await store.db.read(bundles.lacking, ALICE, 9) == []
    assert (await made(store, account), await made(store, account)) == (1, 0)
    assert await store.db.read(bundles.lacking, 0, 9) == []
    rows, opened = await store.db.read(bundles.read, account, key, range(1, 999), KINDS, {})
    assert [row[:2] for row in rows] == [(uid, uid) for uid in range(1, SPAN + 10)]
    faces, fields = opened[FACES, 0], opened[FIELDS, 0]
    assert isinstance(faces, FacesBundle)
    assert isinstance(fields, FieldsBundle)
    stored = await store.db.read(messages.fetch, key, faces.ids, summary=True, header=True)
    assert faces.ids == fields.ids == list(range(1, SPAN))
    assert faces.sizes == fields.sizes == [row.size_bytes for row in stored]
    assert list(map(Faces, faces.envelopes, faces.bodies, faces.bodystructures)) == [account.faces(row) for row in stored]
    octets = iter(fields.octets)
    said = [
        Fields([(name, next(octets)) for name in fields.layouts[layout]], size_bytes)
        for layout, size_bytes in zip(fields.layout_of, fields.header_bytes, strict=True)
    ]
    assert said == [account.fields(row) for row in stored]


async def test_few_messages_are_left_to_their_rows_and_what_is_open_is_not_opened_again(store: Store) -> None:
    account, key = await filled(store)
    await made(store, account)
    _, few = await store.db.read(bundles.read, account, key, range(1, bundles.WORTH), KINDS, {})
    assert few == {}
    _, opened = await store.db.read(bundles.read, account, key, range(1, 100), KINDS, {})
    _, again = await store.db.read(bundles.read, account, key, range(100, 999), KINDS, opened)
    assert again[FACES, 0] is opened[FACES, 0]


async def test_a_bundle_goes_with_the_first_of_its_messages_and_is_made_again(store: Store, clock: ManualClock) -> None:
    account, key = await filled(store)
    await made(store, account)
    await store.db.write(messages.remove, key, [7, SPAN + 3])
    clock.advance(TOMBSTONE_GRACE_US + 1)
    await store.sweep(clock.now_us())
    _, opened = await store.db.read(bundles.read, account, key, range(1, 999), KINDS, {})
    assert opened == {}
    assert await made(store, account) == 1
    _, opened = await store.db.read(bundles.read, account, key, range(1, 999), KINDS, {})
    assert opened[FACES, 0].ids == [number for number in range(1, SPAN) if number != 7]


async def test_a_copy_that_is_removed_leaves_the_bundle(store: Store, clock: ManualClock) -> None:
    account, key = await filled(store)
    await made(store, account)
    sent = (await store.db.read(mailboxes.find, ALICE, "Sent")).key
    await store.db.write(messages.copy, key, [7], sent)
    await store.db.write(messages.remove, sent, [1])
    clock.advance(TOMBSTONE_GRACE_US + 1)
    await store.sweep(clock.now_us())
    assert await made(store, account) == 0


async def test_what_lost_a_message_while_it_was_bundled_is_not_kept(store: Store, clock: ManualClock) -> None:
    account, key = await filled(store)
    span = await store.db.read(bundles.gather, ALICE, 0)
    await store.db.write(messages.remove, key, [7])
    clock.advance(TOMBSTONE_GRACE_US + 1)
    await store.sweep(clock.now_us())
    assert not await store.db.write(bundles.put, ALICE, span, bundles.seal(account, span))
    assert await store.db.read(bundles.missing, ALICE) == [0]


@pytest.mark.parametrize("damage", [b"", b"x" * 40])
async def test_a_damaged_bundle_is_passed_over(store: Store, damage: bytes) -> None:
    account, key = await filled(store)
    await made(store, account)
    await store.db.write(lambda tx: tx.execute("UPDATE bundle SET sealed = :damage WHERE kind = 1", damage=damage))
    rows, opened = await store.db.read(bundles.read, account, key, range(1, 999), KINDS, {})
    assert len(rows) == SPAN + 9
    assert set(opened) == {(FIELDS, 0)}


async def test_heavy_messages_are_left_to_their_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    account, _ = await filled(store)
    monkeypatch.setattr(bundles, "LIGHT_BYTES", 10)
    await made(store, account)
    span = await store.db.read(bundles.gather, ALICE, 0)
    assert (span.message_count, span.rows) == (SPAN - 1, [])
