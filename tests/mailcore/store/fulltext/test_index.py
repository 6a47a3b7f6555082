"""The index of an account on each engine: behind delivery, never wrong, never readable."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.database import Database, Tx
from config.engines import open_database
from config.failpoints import INDEXING
from mailcore.errors import Damaged
from mailcore.store import fulltext, mailboxes, messages
from mailcore.store.fulltext import finding, indexing, rows, segment
from mailcore.store.fulltext.checking import check_segments
from mailcore.store.fulltext.rows import Overtaken
from mailcore.store.fulltext.shelf import Shelf
from mailcore.store.keys import AccountKey
from mailcore.store.store import Store
from mailcore.store.sweep import TOMBSTONE_GRACE_US
from mailcore.store.types import AccountId, Flag, MailboxKey

ALICE = AccountId(11)
WORDS = "école écoles réunion ministère المدرسة مدارس الوزارة meeting school a.benali@justice.example 12/2026 Zanzibar".split()  # noqa: SIM905
ASKED = ("école", "réunions", "مدرسه", "وزارة", "zibar", "benali@jus", "meeting school", "12/2026", "nowhere", "letter 1", "subject", "")


def mail(number: int) -> bytes:
    chosen = random.Random(number).choices(WORDS, k=3)
    return f"From: a@x.example\r\nSubject: letter {number}\r\n\r\n{' '.join(chosen)} own{number}own\r\n".encode()


@pytest.fixture
async def alice(store: Store) -> AsyncIterator[AccountKey]:
    """An account whose index is sound after the test."""
    yield await store.open_account(ALICE)
    assert await check_segments(store) == []


async def inbox(store: Store) -> MailboxKey:
    return (await store.db.read(mailboxes.find, ALICE, "INBOX")).key


async def deliver(store: Store, account: AccountKey, numbers: Sequence[int]) -> None:
    key = await inbox(store)
    for number in numbers:
        message = await store.prepare(mail(number))
        await store.keep(message)
        await store.db.write(messages.append, key, account, message, 0, number)


async def texts(store: Store, account: AccountKey) -> dict[int, tuple[str, str]]:
    """Return body and header of every message as `matches` takes them."""
    key = await inbox(store)
    stored = await store.db.read(messages.fetch, key, await store.db.read(messages.uids, key), header=True)
    found = {}
    for one in stored:
        header = account.header(one)
        found[one.message_id] = fulltext.body_text(await store.raw(account, one), header), fulltext.header_text(header)
    return found


async def agrees(store: Store, account: AccountKey) -> None:
    """Check that every answer is what the texts say."""
    known = await texts(store, account)
    for asked in ASKED:
        for whole in (True, False):
            query = fulltext.query(asked)
            found = await fulltext.find(store, account, query, whole=whole)
            want = {one for one, (body, header) in known.items() if fulltext.matches(body, header if whole else None, query)}
            below = {one for one in want if one <= found.indexed_upto}
            assert found.sure & known.keys() <= want, asked
            assert below <= found.sure | found.maybe, asked
            assert max(found.sure | found.maybe, default=0) <= found.indexed_upto


async def state(store: Store) -> rows.State:
    return await store.db.read(rows.state, ALICE)


async def test_what_is_delivered_is_found_before_and_after_it_is_indexed(store: Store, alice: AccountKey) -> None:
    await deliver(store, alice, range(30))
    assert (await fulltext.find(store, alice, fulltext.query("école"), whole=True)).indexed_upto == 0
    assert await fulltext.catch_up(store, alice) == 30
    await agrees(store, alice)
    await deliver(store, alice, range(30, 35))
    await agrees(store, alice)
    assert (await state(store)).indexed_upto == 30
    assert await fulltext.catch_up(store, alice) == 5
    assert await fulltext.catch_up(store, alice) == 0
    await agrees(store, alice)
    found = await fulltext.find(store, alice, fulltext.query("own33own"), whole=False)
    assert (len(found.sure), found.maybe) == (1, frozenset())


async def test_a_copy_is_not_indexed_again(store: Store, alice: AccountKey) -> None:
    await deliver(store, alice, range(3))
    await fulltext.catch_up(store, alice)
    archive = (await store.db.read(mailboxes.find, ALICE, "Archive")).key
    await store.db.write(messages.copy, await inbox(store), [1, 2, 3], archive)
    assert await fulltext.catch_up(store, alice) == 0


async def test_many_small_segments_become_few(store: Store, alice: AccountKey) -> None:
    for number in range(70):
        await deliver(store, alice, [number])
        await fulltext.catch_up(store, alice)
    now = await state(store)
    assert sorted(row.messages for row in now.segments) == [1, 1, 1, 1, 1, 1, 64]
    assert await store.db.read(rows.orphans) == []
    await agrees(store, alice)


async def test_a_merge_drops_what_is_gone(store: Store, alice: AccountKey, clock: ManualClock) -> None:
    key = await inbox(store)
    for number in range(8):
        await deliver(store, alice, [number])
        if number == 6:
            await store.db.write(messages.store_flags, key, [2, 3], "add", int(Flag.DELETED))
            await store.db.write(messages.expunge, key, None)
            clock.advance(TOMBSTONE_GRACE_US * 2)
            await store.sweep(clock.now_us())
        await fulltext.catch_up(store, alice)
    assert [row.messages for row in (await state(store)).segments] == [6]
    assert (await fulltext.find(store, alice, fulltext.query("own2own"), whole=False)).sure == frozenset()
    await agrees(store, alice)


async def test_an_index_of_messages_that_are_all_gone_is_empty(store: Store, alice: AccountKey, clock: ManualClock) -> None:
    key = await inbox(store)
    await deliver(store, alice, range(3))
    await store.db.write(messages.store_flags, key, [1, 2, 3], "add", int(Flag.DELETED))
    await store.db.write(messages.expunge, key, None)
    clock.advance(TOMBSTONE_GRACE_US * 2)
    await store.sweep(clock.now_us())
    assert await fulltext.catch_up(store, alice) == 0
    assert await state(store) == rows.State(3, ())


class Crash(Exception):
    pass


@pytest.mark.parametrize("point", INDEXING)
async def test_a_crash_between_steps_loses_nothing(store: Store, alice: AccountKey, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    for number in range(7):
        await deliver(store, alice, [number])
        await fulltext.catch_up(store, alice)
    await deliver(store, alice, range(7, 9))

    def crash(name: str) -> None:
        if name == point:
            raise Crash

    monkeypatch.setattr(indexing, "CHUNK_BYTES", 100)
    monkeypatch.setattr(indexing, "FACTOR", 7)
    with monkeypatch.context() as patch:
        patch.setattr(indexing, "failpoint", crash)
        with pytest.raises(Crash):
            await fulltext.catch_up(store, alice)
    await agrees(store, alice)
    await fulltext.catch_up(store, alice)
    await agrees(store, alice)
    assert (await state(store)).indexed_upto == 9
    for account_id, number in await store.db.read(rows.orphans):
        await store.db.write(rows.drop_orphan, account_id, number)
    assert await store.db.read(rows.orphans) == []
    assert sum(row.messages for row in (await state(store)).segments) == 9
    await agrees(store, alice)


@pytest.fixture
async def other(store: Store, database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    """The same node as another process sees it."""
    db = await open_database(database_url, tmp_path, clock)
    opened = Store(db, store._blobs, store._keyring, store._sealer, store.bus)
    yield opened
    await db.close()


async def test_two_indexers_at_once_index_everything_once(
    store: Store, alice: AccountKey, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "SEGMENT_MESSAGES", 4)
    monkeypatch.setattr(indexing, "PAGE_MESSAGES", 2)
    monkeypatch.setattr(indexing, "RETRIES", 1000)
    await deliver(store, alice, range(60))
    await asyncio.gather(fulltext.catch_up(store, alice), fulltext.catch_up(other, alice), agrees(store, alice))
    now = await state(store)
    assert now.indexed_upto == 60
    assert sum(row.messages for row in now.segments) == 60
    assert await store.db.read(rows.orphans) == []
    await agrees(other, alice)


async def test_who_is_overtaken_changes_nothing(store: Store, alice: AccountKey) -> None:
    await deliver(store, alice, range(4))
    await fulltext.catch_up(store, alice)
    before = await state(store)
    [row] = before.segments
    with pytest.raises(Overtaken):
        await store.db.write(rows.advance, ALICE, 2, 4, None)
    with pytest.raises(Overtaken):
        await store.db.write(rows.replace, ALICE, [row.segment, row.segment + 1], None)
    missing = rows.SegmentRow(row.segment + 5, 1, 1, 4, 4, 100, 1)
    with pytest.raises(Overtaken):  # its octets were taken for left over and dropped
        await store.db.write(rows.replace, ALICE, [row.segment], missing)
    assert await state(store) == before


async def test_a_search_survives_merges_that_take_segments_away(
    store: Store, alice: AccountKey, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        await deliver(store, alice, [number])
        await fulltext.catch_up(store, alice)
    stale = await state(store)
    await deliver(store, alice, [7])
    await fulltext.catch_up(other, alice)  # merges them all
    asked = fulltext.query("own3own")

    async def as_it_was(unit: object, *args: object) -> rows.State:
        return stale

    monkeypatch.setattr(store.db, "peek", as_it_was)
    found = await fulltext.find(store, alice, asked, whole=False)
    assert (len(found.sure), found.indexed_upto) == (1, 8)


async def test_nothing_readable_is_stored(store: Store, alice: AccountKey, database: Database, tmp_path: Path) -> None:
    await deliver(store, alice, range(40))
    await fulltext.catch_up(store, alice)
    needles = [word.encode() for word in ("Zanzibar", "zanzibar", "benali", "école", "ecole", "المدرسة", "المدرسه", "own3own")]

    def octets(tx: Tx) -> list[bytes]:
        return [bytes(value) for value in tx.column("SELECT sealed FROM fulltext_chunk")]

    stored = await database.read(octets)
    assert stored
    kept = [*stored, *(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())]  # noqa: ASYNC240
    assert not [needle for needle in needles for one in kept if needle in one]


async def test_a_segment_opens_only_as_itself(store: Store, alice: AccountKey) -> None:
    await deliver(store, alice, range(3))
    await fulltext.catch_up(store, alice)
    [row] = (await state(store)).segments
    sealed = await store.db.read(rows.sealed, ALICE, row.segment)
    stranger = AccountKey(ALICE, b"x" * 32)
    for key, number in ((stranger, row.segment), (alice, row.segment + 1)):
        with pytest.raises(Damaged):
            finding.opened(key, rows.SegmentRow(number, 1, 1, 3, 3, 1, 1), sealed)


async def test_a_damaged_segment_makes_searches_read_and_check_speak(store: Store, alice: AccountKey) -> None:
    await deliver(store, alice, range(5))
    await fulltext.catch_up(store, alice)

    def spoil(tx: Tx) -> None:
        tx.execute("UPDATE fulltext_chunk SET sealed = :junk", junk=b"x" * 50)

    await store.db.write(spoil)
    found = await fulltext.find(store, alice, fulltext.query("own3own"), whole=False)
    assert (found.sure, found.maybe) == (frozenset(), frozenset(range(1, 6)))
    assert len(await check_segments(store)) == 1
    assert await fulltext.rebuild(store, alice) == 5
    await agrees(store, alice)


async def test_a_damaged_segment_is_made_anew_when_it_is_to_be_merged(store: Store, alice: AccountKey) -> None:
    for number in range(7):
        await deliver(store, alice, [number])
        await fulltext.catch_up(store, alice)

    def spoil(tx: Tx) -> None:
        tx.execute("UPDATE fulltext_chunk SET sealed = :junk WHERE segment = 3", junk=b"x" * 50)

    await store.db.write(spoil)
    await deliver(store, alice, [7])
    await fulltext.catch_up(store, alice)
    assert [row.messages for row in (await state(store)).segments] == [8]


async def test_a_damaged_message_does_not_stop_the_others(store: Store, alice: AccountKey) -> None:
    await deliver(store, alice, range(4))

    def spoil(tx: Tx) -> list[tuple[bytes, ...]]:
        kept = tx.rows("SELECT dek_wrapped FROM message WHERE message_id = 2")
        tx.execute("UPDATE message SET dek_wrapped = :junk WHERE message_id = 2", junk=b"x" * 40)
        tx.execute("UPDATE message_header SET sealed = :junk WHERE message_id = 3", junk=b"x" * 50)
        return kept

    [(kept,)] = await store.db.write(spoil)
    assert await fulltext.catch_up(store, alice) == 4
    for asked, want in (("letter", {1, 2, 3, 4}), ("own3own", {4}), ("own1own", set()), ("own2own", {3})):
        assert (await fulltext.find(store, alice, fulltext.query(asked), whole=True)).sure == want

    def mend(tx: Tx) -> None:
        tx.execute("UPDATE message SET dek_wrapped = :kept WHERE message_id = 2", kept=kept)

    await store.db.write(mend)


async def test_an_index_of_another_version_is_made_anew(store: Store, alice: AccountKey, monkeypatch: pytest.MonkeyPatch) -> None:
    await deliver(store, alice, range(5))
    await fulltext.catch_up(store, alice)

    def age(tx: Tx) -> None:
        tx.execute("UPDATE fulltext_segment SET version = 0")

    await store.db.write(age)
    assert await store.db.read(rows.outdated, segment.VERSION, 0, 10) == [ALICE]
    assert await store.db.read(rows.behind, 0, 10) == []
    assert await fulltext.catch_up(store, alice) == 5
    assert await store.db.read(rows.outdated, segment.VERSION, 0, 10) == []
    await agrees(store, alice)


async def test_accounts_that_are_behind_are_known(store: Store, alice: AccountKey) -> None:
    assert await store.db.read(rows.behind, 0, 10) == []
    await deliver(store, alice, range(2))
    assert await store.db.read(rows.behind, 0, 10) == [ALICE]
    assert await store.db.read(rows.behind, ALICE, 10) == []
    await fulltext.catch_up(store, alice)
    assert await store.db.read(rows.behind, 0, 10) == []


async def test_a_page_is_bounded_by_octets(store: Store, alice: AccountKey) -> None:
    await deliver(store, alice, range(5))
    size = len(mail(0))
    one = await store.db.read(rows.page, ALICE, 0, 10, 1)
    assert ([m.message_id for m in one.messages], one.upto) == ([1], 1)
    some = await store.db.read(rows.page, ALICE, 1, 10, 3 * size)
    assert some.upto < 5
    rest = await store.db.read(rows.page, ALICE, 3, 10, 1 << 30)
    assert ([m.message_id for m in rest.messages], rest.upto) == ([4, 5], 5)


def test_open_segments_are_bounded() -> None:
    one = segment.opened(segment.stored([1], [], {}, {}))
    shelf = Shelf(limit_bytes=3 * one.memory_bytes)
    for number in (1, 2, 3, 1):
        shelf.put((ALICE, number), one)
    assert shelf.get((ALICE, 2)) is one
    shelf.put((ALICE, 4), one)
    assert [number for number in (1, 2, 3, 4) if shelf.get((ALICE, number))] == [1, 2, 4]
    assert shelf.held_bytes == 3 * one.memory_bytes
    large = segment.opened(segment.stored(range(1, 1000), [], {}, {}))
    shelf.put((ALICE, 5), large)
    assert shelf.get((ALICE, 5)) is None
    shelf.drop((ALICE, 1))
    assert shelf.held_bytes == 2 * one.memory_bytes
