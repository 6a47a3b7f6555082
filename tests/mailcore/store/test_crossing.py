"""Messages from one account into another."""

import pytest

from mailcore.errors import LimitReached, NoSuchMailbox
from mailcore.store import crossing, keywords, mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.store import Store
from mailcore.store.types import MAX_KEYWORDS, AccountId, Copied, Flag, MailboxKey
from tests.mailcore.store.test_messages import fill, mail

ALICE, BOB = AccountId(11), AccountId(12)


async def carry(
    store: Store, unit: crossing.Unit, source: AccountKey, key: MailboxKey, uids: list[int], name: str = "INBOX", within: int = -1
) -> Copied:
    target = await store.open_account(BOB)
    opened = await crossing.open_all(store.db, source, key, uids, target)
    return await store.db.write(unit, key, uids, opened, target, name, messages.EVERY_FLAG if within < 0 else within)


async def bobs(store: Store, name: str = "INBOX") -> MailboxKey:
    await store.open_account(BOB)
    return (await store.db.read(mailboxes.find, BOB, name)).key


@pytest.mark.parametrize("unit", [crossing.copy, crossing.move])
async def test_the_other_account_opens_what_came(store: Store, unit: crossing.Unit) -> None:
    source, key = await fill(store, ALICE, 3)
    done = await carry(store, unit, source, key, [1, 3])
    assert [pair[0] for pair in done.pairs] == [1, 3]
    target, there = await store.open_account(BOB), await bobs(store)
    rows = await store.db.read(messages.fetch, there, [new for _, new in done.pairs], summary=True, header=True)
    for row, number in zip(rows, (1, 3), strict=True):
        assert await store.raw(target, row) == mail(number)
        original = (await store.db.read(messages.fetch, key, [number], summary=True, header=True))[0]
        assert target.summary(row) == source.summary(original)
        assert target.header(row) == source.header(original)
        assert row.internaldate_us == original.internaldate_us
    left = list((await store.db.read(messages.snapshot, key)).uids)
    assert left == ([1, 2, 3] if unit is crossing.copy else [2])


async def test_keywords_go_by_name(store: Store) -> None:
    source, key = await fill(store, ALICE, 1)
    there = await bobs(store)
    await store.db.write(keywords.bits, BOB, ["anderes", "Wichtig"])
    bits = await store.db.write(keywords.bits, ALICE, ["wichtig", "neu"])
    await store.db.write(messages.store_flags, key, [1], "add", bits | Flag.FLAGGED)
    done = await carry(store, crossing.copy, source, key, [1])
    row = (await store.db.read(messages.fetch, there, [done.pairs[0][1]]))[0]
    names = await store.db.read(keywords.names, BOB)
    assert {name for bit, name in names.items() if row.flags & bit} == {"Wichtig", "neu"}
    assert row.flags & Flag.FLAGGED


async def test_keywords_are_left_for_the_owner_of_the_other_account(store: Store) -> None:
    source, key = await fill(store, ALICE, 1)
    await bobs(store)
    await store.db.write(keywords.bits, BOB, [f"k{number}" for number in range(MAX_KEYWORDS - keywords.KEPT_FOR_OWNER)])
    bits = await store.db.write(keywords.bits, ALICE, ["neu"])
    await store.db.write(messages.store_flags, key, [1], "add", bits)
    target = await store.open_account(BOB)
    opened = await crossing.open_all(store.db, source, key, [1], target)
    there = key, [1], opened, target, "INBOX", messages.EVERY_FLAG
    with pytest.raises(LimitReached):
        await store.db.write(crossing.copy, *there, keywords.KEPT_FOR_OWNER)
    assert len((await store.db.write(crossing.copy, *there)).pairs) == 1


async def test_flags_that_may_not_be_set_stay_behind(store: Store) -> None:
    source, key = await fill(store, ALICE, 1)
    bits = await store.db.write(keywords.bits, ALICE, ["wichtig"])
    await store.db.write(messages.store_flags, key, [1], "add", bits | Flag.FLAGGED | Flag.SEEN)
    done = await carry(store, crossing.copy, source, key, [1], within=int(Flag.SEEN))
    row = (await store.db.read(messages.fetch, await bobs(store), [done.pairs[0][1]]))[0]
    assert row.flags == Flag.SEEN
    assert await store.db.read(keywords.names, BOB) == {}


async def test_without_a_target_nothing_happens(store: Store) -> None:
    source, key = await fill(store, ALICE, 2)
    await bobs(store)
    with pytest.raises(NoSuchMailbox):
        await carry(store, crossing.move, source, key, [1, 2], "Nirgends")
    assert list((await store.db.read(messages.snapshot, key)).uids) == [1, 2]


async def test_what_was_removed_meanwhile_is_passed_over(store: Store) -> None:
    source, key = await fill(store, ALICE, 2)
    target = await store.open_account(BOB)
    opened = await crossing.open_all(store.db, source, key, [1, 2], target)
    await store.db.write(messages.remove, key, [1])
    done = await store.db.write(crossing.copy, key, [1, 2], opened, target, "INBOX", messages.EVERY_FLAG)
    assert [pair[0] for pair in done.pairs] == [2]


async def test_the_blob_is_one_and_outlives_either_account(store: Store, clock) -> None:  # type: ignore[no-untyped-def]
    source, key = await fill(store, ALICE, 1)
    done = await carry(store, crossing.move, source, key, [1])
    clock.advance(200 * 86_400_000_000)
    await store.sweep(clock.now_us())
    row = (await store.db.read(messages.fetch, await bobs(store), [done.pairs[0][1]]))[0]
    assert await store.raw(await store.open_account(BOB), row) == mail(1)
