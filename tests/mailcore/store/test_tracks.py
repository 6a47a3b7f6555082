"""The log of what changes touched: whatever happens, it tells what looking at every message would tell."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.database import Tx
from mailcore.store import mailboxes, messages, tracks
from mailcore.store.store import Store
from mailcore.store.types import Flag, FlagState, MailboxKey
from tests.mailcore.store.test_messages import ALICE, fill, mail


def looked_at(tx: Tx, key: MailboxKey, since: int) -> tuple[tuple[FlagState, ...], tuple[int, ...]]:
    """Find what changed without the log."""
    where = {"account_id": key.account_id, "mailbox_id": key.mailbox_id, "since": since}
    condition = "WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND modseq > :since ORDER BY uid"
    updated = tx.rows(f"SELECT uid, flags, modseq FROM entry {condition}", **where)
    return tuple(FlagState(*row) for row in updated), tuple(tx.column(f"SELECT uid FROM expunged {condition}", **where))


async def require_agreement(store: Store, key: MailboxKey, *, unbroken: bool = True) -> None:
    highest = (await store.db.read(messages.snapshot, key)).mailbox.highest_modseq
    for since in range(highest + 1):
        delta = await store.db.read(messages.changes, key, since)
        assert (delta.updated, delta.expunged) == await store.db.read(looked_at, key, since)
        assert await store.db.read(messages.vanished, key, since) == list(delta.expunged)
    if unbroken:
        assert await store.db.read(tracks.touched, key, highest - 1, highest) != [(1, 1 << 62)]


@pytest.mark.parametrize("seed", range(3))
async def test_the_log_tells_what_every_message_would(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    account, inbox = await fill(store, ALICE, 12)
    other = (await store.db.write(mailboxes.create, ALICE, "dossier")).key
    for number in range(30):
        key, there = chance.choice(((inbox, other), (other, inbox), (inbox, inbox)))
        uids = await store.db.read(messages.uids, key)
        some = chance.sample(uids, chance.randint(0, min(5, len(uids))))
        whole = range(min(uids, default=1), max(uids, default=1) + 1)
        match chance.randrange(6):
            case 0:
                await store.db.write(messages.store_flags, key, some, chance.choice(("add", "remove")), int(Flag.FLAGGED | Flag.SEEN))
            case 1:
                await store.db.write(messages.store_flags, key, whole, "replace", number % 16, known_modseq=1 << 40)
            case 2:
                await store.db.write(messages.copy, key, some, there)
            case 3:
                await store.db.write(messages.move, key, whole if chance.random() < 0.2 else some, there)
            case 4:
                await store.db.write(messages.expunge, key, None if chance.random() < 0.5 else some)
            case 5:
                message = await store.prepare(mail(number))
                await store.keep(message)
                await store.db.write(messages.append, key, account, message, 0, number)
    await require_agreement(store, inbox)
    await require_agreement(store, other)


def lose(tx: Tx, key: MailboxKey, modseq: int) -> None:
    tx.execute(
        "DELETE FROM touched WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND modseq = :modseq",
        account_id=key.account_id,
        mailbox_id=key.mailbox_id,
        modseq=modseq,
    )


@pytest.mark.parametrize("back", [0, 1, 3])
async def test_a_log_with_a_gap_is_not_believed(store: Store, back: int) -> None:
    _, key = await fill(store, ALICE, 6)
    await store.db.write(messages.store_flags, key, [2, 5], "add", int(Flag.SEEN))
    highest = (await store.db.read(messages.snapshot, key)).mailbox.highest_modseq
    await store.db.write(lose, key, highest - back)
    assert await store.db.read(tracks.touched, key, 0, highest) == [(1, 1 << 62)]
    await require_agreement(store, key, unbroken=False)


async def test_the_log_of_a_mailbox_reaches_back_so_far(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "TRIM_EVERY", 4)
    monkeypatch.setattr(tracks, "KEPT_MODSEQS", 5)
    _, key = await fill(store, ALICE, 20)
    assert await store.db.read(lambda tx: tx.value("SELECT COUNT(*) FROM touched")) <= 5 + 4
    await require_agreement(store, key)


@given(st.lists(st.integers(1, 1 << 32), unique=True, max_size=80), st.booleans())
def test_spans_cover_what_was_touched(uids: list[int], close: bool) -> None:
    wanted = range(min(uids), max(uids) + 1) if close and uids else uids
    found = tracks.spans(wanted)
    assert len(found) <= tracks.MAX_LINES
    assert all(any(low <= uid <= high for low, high in found) for uid in uids)


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(0, 9)), min_size=1, max_size=300))
def test_joined_spans_are_apart_and_cover_the_same(starts: list[tuple[int, int]]) -> None:
    given_spans = [(low, low + more) for low, more in starts]
    found = tracks.joined(given_spans)
    assert len(found) <= tracks.MAX_SPANS
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))
    assert _members(given_spans) <= _members(found)


def _members(spans: list[tuple[int, int]]) -> set[int]:
    return {uid for low, high in spans for uid in range(low, high + 1)}
