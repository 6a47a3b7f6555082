"""Conversations and save dates, on each engine."""

import pytest

from config.clock import DAY_US, ManualClock
from mailcore.store import mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.store import Store
from mailcore.store.types import AccountId, Flag, MailboxKey

ALICE, BOB = AccountId(11), AccountId(12)


def letter(name: str, *, answers: str = "", chain: str = "") -> bytes:
    """A letter with an identifier; `chain` names its ancestors, the oldest first."""
    head = [f"Message-ID: <{name}@x.example>"] if name else []
    head += [f"In-Reply-To: <{answers}@x.example>"] if answers else []
    head += ["References: " + " ".join(f"<{each}@x.example>" for each in chain.split())] if chain else []
    return "\r\n".join([*head, f"Subject: {name}", "", "text", ""]).encode()


async def opened(store: Store, account_id: AccountId = ALICE) -> tuple[AccountKey, MailboxKey]:
    account = await store.open_account(account_id)
    return account, (await store.db.read(mailboxes.find, account_id, "INBOX")).key


async def put(store: Store, account: AccountKey, key: MailboxKey, *letters: bytes) -> list[int]:
    """Append letters; return their conversations."""
    for raw in letters:
        message = await store.prepare(raw)
        await store.keep(message)
        await store.db.write(messages.append, key, account, message, 0, 1)
    uids = await store.db.read(messages.uids, key)
    return [row.thread_id for row in await store.db.read(messages.fetch, key, uids)]


@pytest.mark.parametrize(
    ("letters", "want"),
    [
        ([letter("a"), letter("b", answers="a"), letter("c", answers="b", chain="a b")], "AAA"),
        ([letter("b", answers="a"), letter("c", answers="a"), letter("a")], "AAA"),  # the first comes last
        ([letter("c", answers="b", chain="a b"), letter("d", chain="a")], "AA"),  # only the root in common
        ([letter("a"), letter("b"), letter("c", chain="a x y b")], "ABB"),  # the nearest known parent decides
        ([letter(""), letter(""), letter("a")], "ABC"),  # without identifiers nothing is known
        ([letter("a"), letter("a")], "AA"),  # what was sent, and its copy from the list
    ],
)
async def test_a_letter_joins_the_conversation_of_its_nearest_known_ancestor(store: Store, letters: list[bytes], want: str) -> None:
    found = await put(store, *await opened(store), *letters)
    names = {thread: chr(65 + number) for number, thread in enumerate(dict.fromkeys(found))}
    assert "".join(names[thread] for thread in found) == want


async def test_conversations_of_two_accounts_know_nothing_of_each_other(store: Store) -> None:
    mine = await put(store, *await opened(store), letter("x"), letter("a"))
    hers = await put(store, *await opened(store, BOB), letter("b", answers="a"))
    assert (mine, hers) == ([1, 2], [1])
    tokens = await store.db.read(lambda tx: tx.column("SELECT token FROM thread_token"))
    assert len(tokens) == len({bytes(token) for token in tokens}) == 4  # "a" is another token in each account
    assert not any(b"example" in bytes(token) for token in tokens)


async def test_a_copy_keeps_its_conversation_and_gets_a_save_date_of_its_own(store: Store, clock: ManualClock) -> None:
    account, key = await opened(store)
    appended_us = clock.now_us()
    await put(store, account, key, letter("a"))
    clock.advance(5_000_000)
    archive = (await store.db.read(mailboxes.find, ALICE, "Archive")).key
    await store.db.write(messages.copy, key, [1], archive)
    clock.advance(5_000_000)
    await store.db.write(messages.move, key, [1], archive)
    first, second = await store.db.read(messages.fetch, archive, [1, 2])
    [gone] = await store.db.read(messages.fetch, key, [1])
    assert [row.saved_us - appended_us for row in (gone, first, second)] == [0, 5_000_000, 10_000_000]
    assert gone.thread_id == first.thread_id == second.thread_id
    assert gone.internaldate_us == second.internaldate_us


async def test_what_is_swept_leaves_no_trace_of_its_conversation(store: Store, clock: ManualClock) -> None:
    account, key = await opened(store)
    await put(store, account, key, letter("a"), letter("b", answers="a"), letter("c"))
    await store.db.write(messages.store_flags, key, [1, 3], "add", int(Flag.DELETED))
    await store.db.write(messages.expunge, key, None)
    clock.advance(91 * DAY_US)
    await store.sweep(clock.now_us())
    threads = await store.db.read(lambda tx: tx.column("SELECT DISTINCT thread_id FROM thread_token"))
    assert threads == [1]  # the second letter still belongs to it
