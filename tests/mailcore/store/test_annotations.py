"""Annotations: sealed, each for its owner, bounded, gone with their mailbox."""

import pytest

from mailcore.errors import AnnotationTooBig, TooManyAnnotations
from mailcore.store import annotations, mailboxes
from mailcore.store.annotations import MAX_ENTRIES, MAX_VALUE_BYTES, SERVER, SHARED, Annotation
from mailcore.store.store import Store
from tests.mailcore.store.test_messages import ALICE, fill

AMINA, KARIM = 7, 8


async def test_each_sees_what_is_shared_and_what_is_theirs(store: Store) -> None:
    account, inbox = await fill(store, ALICE, 0)
    set_ = [Annotation(SHARED, "/comment", b"to all"), Annotation(AMINA, "/comment", "لي".encode()), Annotation(KARIM, "/comment", b"k")]
    await store.db.write(annotations.change, account, inbox.mailbox_id, set_)
    assert await store.db.read(annotations.of, account, inbox.mailbox_id, (SHARED, AMINA)) == set_[:2]
    assert await store.db.read(annotations.of, account, SERVER, (SHARED, AMINA)) == []
    await store.db.write(annotations.change, account, inbox.mailbox_id, [Annotation(AMINA, "/comment", None)])
    assert await store.db.read(annotations.of, account, inbox.mailbox_id, (SHARED, AMINA)) == set_[:1]


async def test_nothing_readable_is_stored(store: Store) -> None:
    account, inbox = await fill(store, ALICE, 0)
    await store.db.write(annotations.change, account, inbox.mailbox_id, [Annotation(SHARED, "/comment", b"secret remark")])
    sealed = await store.db.read(lambda tx: tx.column("SELECT sealed FROM annotation"))
    assert len(sealed) == 1
    assert b"secret" not in bytes(sealed[0])


async def test_bounds_refuse_all_of_a_change(store: Store) -> None:
    account, inbox = await fill(store, ALICE, 0)
    full = [Annotation(SHARED, f"/{n}", b"") for n in range(MAX_ENTRIES)]
    await store.db.write(annotations.change, account, inbox.mailbox_id, full)
    with pytest.raises(TooManyAnnotations):
        await store.db.write(annotations.change, account, inbox.mailbox_id, [Annotation(SHARED, "/more", b"")])
    big = [Annotation(SHARED, "/0", None), Annotation(SHARED, "/big", b"x" * (MAX_VALUE_BYTES + 1))]
    with pytest.raises(AnnotationTooBig):
        await store.db.write(annotations.change, account, inbox.mailbox_id, big)
    assert len(await store.db.read(annotations.of, account, inbox.mailbox_id, (SHARED,))) == MAX_ENTRIES


async def test_annotations_go_with_their_mailbox(store: Store) -> None:
    account = await store.open_account(ALICE)
    made = await store.db.write(mailboxes.create, ALICE, "Projets", "")
    await store.db.write(annotations.change, account, made.key.mailbox_id, [Annotation(SHARED, "/comment", b"x")])
    await store.db.write(mailboxes.delete, ALICE, "Projets")
    assert await store.db.read(lambda tx: tx.value("SELECT COUNT(*) FROM annotation")) == 0


async def test_an_account_holds_so_many_octets_of_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotations, "MAX_ACCOUNT_BYTES", 3 * MAX_VALUE_BYTES)
    account, inbox = await fill(store, ALICE, 0)
    for number in range(2):
        await store.db.write(annotations.change, account, inbox.mailbox_id, [Annotation(number, "/big", b"x" * MAX_VALUE_BYTES)])
    with pytest.raises(TooManyAnnotations):
        await store.db.write(annotations.change, account, SERVER, [Annotation(AMINA, "/big", b"x" * MAX_VALUE_BYTES)])


async def test_a_mark_changes_with_the_value(store: Store) -> None:
    account, inbox = await fill(store, ALICE, 0)
    seen = set()
    for _ in range(2):
        await store.db.write(annotations.change, account, inbox.mailbox_id, [Annotation(SHARED, "/comment", b"the same")])
        [(mailbox_id, owner_id, entry, mark)] = await store.db.read(annotations.marks, ALICE, (SHARED,))
        assert (mailbox_id, owner_id, entry) == (inbox.mailbox_id, SHARED, "/comment")
        seen.add(mark)
    assert len(seen) == 2
