"""Mailbox names, special uses, subscriptions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.errors import BadMailboxName, MailboxExists, MailboxHasChildren, MailboxProtected, MailError, NoSuchMailbox
from mailcore.store import mailboxes, messages
from mailcore.store.store import Store
from mailcore.store.types import AccountId
from tests.mailcore.store.test_messages import fill

ALICE = AccountId(11)


async def names(store: Store) -> list[str]:
    return [box.name for box in await store.db.read(mailboxes.listing, ALICE) if not box.role]


@pytest.fixture
async def account(store: Store) -> Store:
    await store.open_account(ALICE)
    return store


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("inbox", "INBOX"),
        ("Inbox/Sub", "INBOX/Sub"),
        ("الوارد/٢٠٢٦", "الوارد/٢٠٢٦"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("a/b/", "a/b"),
        ("NIL", "NIL"),
    ],
)
def test_names_are_kept_in_one_form(given_name: str, kept: str) -> None:
    assert mailboxes.canonical(given_name) == kept


@pytest.mark.parametrize(
    "name", ["", "/", "a//b", "/a", "a/../b", ".", "a\0b", "a\r\nb", "x" * 256, "/".join("x" * 30), "a\ud800", "a\u2028b", "a\u2029"]
)
def test_impossible_names_are_refused(name: str) -> None:
    with pytest.raises(BadMailboxName):
        mailboxes.canonical(name)


@given(st.text(max_size=40))
@settings(max_examples=100)
def test_canonical_is_idempotent(name: str) -> None:
    try:
        kept = mailboxes.canonical(name)
    except MailError:
        return
    assert mailboxes.canonical(kept) == kept


async def test_create_makes_parents_and_refuses_twins(account: Store) -> None:
    await account.db.write(mailboxes.create, ALICE, "a/b/c")
    assert await names(account) == ["a", "a/b", "a/b/c"]
    with pytest.raises(MailboxExists):
        await account.db.write(mailboxes.create, ALICE, "A/B")
    with pytest.raises(MailboxExists):
        await account.db.write(mailboxes.create, ALICE, "Envoyes", "sent")


async def test_delete_refuses_parents_and_special_uses(account: Store) -> None:
    await account.db.write(mailboxes.create, ALICE, "a/b")
    with pytest.raises(MailboxHasChildren):
        await account.db.write(mailboxes.delete, ALICE, "a")
    for name in ("INBOX", "Sent"):
        with pytest.raises(MailboxProtected):
            await account.db.write(mailboxes.delete, ALICE, name)
    await account.db.write(mailboxes.delete, ALICE, "a/b")
    with pytest.raises(NoSuchMailbox):
        await account.db.write(mailboxes.delete, ALICE, "a/b")


async def test_a_name_used_again_has_a_greater_uidvalidity(account: Store) -> None:
    first = await account.db.write(mailboxes.create, ALICE, "a")
    await account.db.write(mailboxes.delete, ALICE, "a")
    second = await account.db.write(mailboxes.create, ALICE, "a")
    await account.db.write(mailboxes.create, ALICE, "b")
    await account.db.write(mailboxes.delete, ALICE, "a")
    await account.db.write(mailboxes.rename, ALICE, "b", "a")
    third = await account.db.read(mailboxes.find, ALICE, "a")
    assert first.uidvalidity < second.uidvalidity < third.uidvalidity


async def test_rename_takes_children_along(account: Store) -> None:
    await account.db.write(mailboxes.create, ALICE, "a/b/c")
    await account.db.write(mailboxes.rename, ALICE, "a/b", "x/y")
    assert await names(account) == ["a", "x", "x/y", "x/y/c"]
    with pytest.raises(BadMailboxName):
        await account.db.write(mailboxes.rename, ALICE, "x", "x/y/z")
    with pytest.raises(MailboxExists):
        await account.db.write(mailboxes.rename, ALICE, "x", "a")
    with pytest.raises(NoSuchMailbox):
        await account.db.write(mailboxes.rename, ALICE, "nowhere", "b")


async def test_rename_can_change_case_only(account: Store) -> None:
    await account.db.write(mailboxes.create, ALICE, "dossier/b")
    await account.db.write(mailboxes.rename, ALICE, "dossier", "Dossier")
    assert await names(account) == ["Dossier", "Dossier/b"]


async def test_renaming_inbox_moves_its_messages_and_keeps_it(account: Store) -> None:
    await fill(account, ALICE, 3)
    await account.db.write(mailboxes.rename, ALICE, "INBOX", "old")
    old = await account.db.read(mailboxes.find, ALICE, "old")
    inbox = await account.db.read(mailboxes.find, ALICE, "INBOX")
    assert (old.exists, inbox.exists) == (3, 0)
    assert list((await account.db.read(messages.snapshot, old.key)).uids) == [1, 2, 3]


async def test_subscriptions_outlive_mailboxes(account: Store) -> None:
    await account.db.write(mailboxes.create, ALICE, "a")
    await account.db.write(mailboxes.subscribe, ALICE, "A", on=True)
    assert (await account.db.read(mailboxes.find, ALICE, "a")).subscribed
    await account.db.write(mailboxes.delete, ALICE, "a")
    assert "a" in await account.db.read(mailboxes.subscriptions, ALICE)
    await account.db.write(mailboxes.subscribe, ALICE, "a", on=False)
    assert "a" not in await account.db.read(mailboxes.subscriptions, ALICE)
