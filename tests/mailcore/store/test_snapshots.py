"""Mailboxes in one piece: what is put by and what changed since is what the rows say, or it is not used."""

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.compression import compress
from config.database import Tx
from mailcore.store import mailboxes, messages, packing, snapshots
from mailcore.store.snapshots import Piece
from mailcore.store.store import Store
from mailcore.store.types import Flag, MailboxKey
from tests.mailcore.store.test_messages import ALICE, fill, mail

NUMBERS = st.integers(0, (1 << 62) - 1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "LARGE_MESSAGES", 1)
    monkeypatch.setattr(snapshots, "MAX_CHANGED_SHARE", 1)


def put_by(tx: Tx, key: MailboxKey) -> Piece:
    taken = snapshots.snapshot(tx, key)
    packed = packing.pack((taken.uids, taken.flags, taken.modseqs))
    piece = Piece(key, taken.mailbox.uidvalidity, taken.mailbox.highest_modseq, len(taken.uids), packed)
    snapshots.put(tx, piece)
    return piece


def restored(tx: Tx, key: MailboxKey) -> bool:
    """Say whether the piece is used; what is shown must be what the rows say in any case."""
    taken = snapshots.snapshot(tx, key)
    assert (taken.uids, taken.flags, taken.modseqs) == snapshots.read(tx, key)
    brief = snapshots.brief(tx, key)
    assert brief is None or (brief.uids, brief.flags, brief.modseqs) == snapshots.read(tx, key)
    return snapshots._restored(tx, taken.mailbox) is not None


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=50))
def test_what_is_packed_is_unpacked(found: list[tuple[int, int, int]]) -> None:
    columns = tuple(array("q", column) for column in (zip(*found, strict=True) if found else ((), (), ())))
    packed = packing.pack(columns)
    assert packing.unpack(packed, len(found)) == columns
    assert not found or not any(map(any, columns)) or packing.unpack(packed, len(found) + 1) is None


@given(st.lists(st.integers(0, 62).flatmap(lambda bits: st.integers(0, (1 << bits) - 1)), max_size=50))
def test_what_is_unpacked_is_as_narrow_as_its_numbers_until_it_is_widened(numbers: list[int]) -> None:
    column = array("q", numbers)
    unpacked = packing.unpack(packing.pack((column, column, column)), len(numbers))
    assert unpacked is not None
    narrow = unpacked[0]
    assert narrow.itemsize <= 2 * max(1, -(-max(numbers, default=0).bit_length() // 8))
    assert packing.pack((narrow, narrow, narrow)) == packing.pack((column, column, column))
    for made in (packing.widened(narrow), packing.copied(narrow), packing.copied(column)):
        assert made.typecode == "q"
        assert made == column
    assert packing.widened(column) is column
    assert packing.copied(column) is not column


@given(st.binary(max_size=60), st.integers(0, 40))
def test_what_nobody_packed_is_nothing(octets: bytes, count: int) -> None:
    assert packing.unpack(octets, count) is None
    unpacked = packing.unpack(compress(octets), count)
    assert unpacked is None or all(len(column) == count for column in unpacked)


@pytest.mark.parametrize("seed", range(3))
async def test_a_piece_and_what_changed_since_are_the_mailbox(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    account, key = await fill(store, ALICE, 20)
    other = (await store.db.write(mailboxes.create, ALICE, "dossier")).key
    await store.db.write(put_by, key)
    used = 0
    for number in range(24):
        uids = await store.db.read(messages.uids, key)
        some = chance.sample(uids, min(3, len(uids)))
        match chance.randrange(6):
            case 0:
                await store.db.write(messages.store_flags, key, some, "add", int(Flag.SEEN) << chance.randrange(9))
            case 1:
                await store.db.write(messages.copy, key, some, key)
            case 2:
                await store.db.write(messages.move, key, some, chance.choice((other, key)))
            case 3:
                await store.db.write(messages.expunge, key, None)
            case 4:
                await store.db.write(put_by, key)
            case 5:
                message = await store.prepare(mail(number))
                await store.keep(message)
                await store.db.write(messages.append, key, account, message, 0, number)
        used += await store.db.read(restored, key)
    assert used > 6


async def test_what_takes_a_moment_is_what_has_few_rows_or_a_piece_that_lags_little(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _, key = await fill(store, ALICE, 8)
    whole = await store.db.read(snapshots.snapshot, key)
    assert await store.db.peek(snapshots.brief, key) == whole
    monkeypatch.setattr(snapshots, "BRIEF_ROWS", 2)
    assert await store.db.peek(snapshots.brief, key) is None
    await store.db.write(put_by, key)
    assert await store.db.peek(snapshots.brief, key) == whole
    for number in range(1, 4):
        await store.db.write(messages.store_flags, key, [number], "add", int(Flag.SEEN))
        brief = await store.db.peek(snapshots.brief, key)
        assert brief == (await store.db.read(snapshots.snapshot, key) if number <= 2 else None)
    await store.db.write(put_by, key)
    monkeypatch.setattr(snapshots, "BRIEF_MESSAGES", 7)
    assert await store.db.peek(snapshots.brief, key) is None


async def test_a_piece_that_does_not_fit_is_passed_over(store: Store) -> None:
    _, key = await fill(store, ALICE, 8)
    piece = await store.db.write(put_by, key)
    assert await store.db.read(restored, key)
    for column, value in (("uidvalidity", 999), ("modseq", 1 << 40), ("message_count", 7), ("packed", b"no frame")):
        await store.db.write(spoil, column, value)
        assert not await store.db.read(restored, key), column
        await store.db.write(lambda tx: tx.execute("DELETE FROM mailbox_snapshot"))
        await store.db.write(snapshots.put, piece)
        assert await store.db.read(restored, key)


def spoil(tx: Tx, column: str, value: int | bytes) -> None:
    tx.execute(f"UPDATE mailbox_snapshot SET {column} = :value", value=value)


async def test_an_older_piece_does_not_replace_a_later_one_and_a_removed_mailbox_has_none(store: Store) -> None:
    await store.open_account(ALICE)
    key = (await store.db.write(mailboxes.create, ALICE, "dossier")).key
    await fill(store, ALICE, 3, "dossier")
    older = await store.db.write(put_by, key)
    await store.db.write(messages.store_flags, key, [1], "add", int(Flag.SEEN))
    later = await store.db.write(put_by, key)
    await store.db.write(snapshots.put, older)
    assert await store.db.read(snapshots.put_by, key) == later.modseq > older.modseq
    await store.db.write(mailboxes.delete, ALICE, "dossier")
    await store.db.write(snapshots.put, later)
    assert await store.db.read(snapshots.put_by, key) == 0
