"""Quotas: what counts, what is refused, and what a delivery may go beyond."""

import pytest

from directory import quotas
from directory.errors import BadEntry
from directory.quotas import EVERYBODY, Quota
from mailcore.errors import OverQuota
from mailcore.store import mailboxes, messages, quota
from mailcore.store.quota import Usage
from mailcore.store.store import Store
from mailcore.store.types import Flag
from tests.mailcore.store.test_messages import ALICE, fill, mail


async def test_what_mailboxes_show_counts_and_what_was_removed_does_not(store: Store) -> None:
    _, inbox = await fill(store, ALICE, 3)
    archive = await store.db.read(mailboxes.find, ALICE, "Archive")
    await store.db.write(messages.copy, inbox, [1, 2], archive.key)
    size_bytes = len(mail(1))
    assert await store.db.read(quota.usage, ALICE) == Usage(5 * size_bytes, 5, 6)
    await store.db.write(messages.store_flags, inbox, [1, 2], "add", int(Flag.DELETED))
    assert await store.db.read(quota.deleted, inbox) == (2, 2 * size_bytes)
    await store.db.write(messages.expunge, inbox, None)
    assert await store.db.read(quota.usage, ALICE) == Usage(3 * size_bytes, 3, 6)
    assert await store.db.read(quota.deleted, inbox) == (0, 0)


@pytest.mark.parametrize("limit", [Quota(3 * len(mail(1)), None), Quota(None, 3), Quota(3 * len(mail(1)), 3)])
async def test_what_does_not_fit_is_refused_and_changes_nothing(store: Store, limit: Quota) -> None:
    account, inbox = await fill(store, ALICE, 2)
    await store.db.write(quotas.give, ALICE, limit)
    with pytest.raises(OverQuota):
        await store.db.write(messages.copy, inbox, [1, 2], inbox)
    message = await store.prepare(mail(3))
    await store.keep(message)
    await store.db.write(messages.append, inbox, account, message, 0, 1)
    with pytest.raises(OverQuota):
        await store.db.write(messages.append, inbox, account, message, 0, 1)
    assert await store.db.read(messages.uids, inbox) == [1, 2, 3]
    assert await store.db.read(quota.room, ALICE) == 0


async def test_a_delivery_may_go_a_little_beyond(store: Store) -> None:
    account, _ = await fill(store, ALICE, 10)
    await store.db.write(quotas.give, ALICE, Quota(None, 10))
    message = await store.prepare(mail(11))
    await store.keep(message)
    await store.db.write(messages.deliver, account, message, 1)
    with pytest.raises(OverQuota):
        await store.db.write(messages.deliver, account, message, 1)


async def test_a_quota_of_ones_own_comes_before_everybodys(store: Store) -> None:
    everybody = await store.db.read(quotas.of, ALICE)
    assert everybody == await store.db.read(quotas.of, EVERYBODY)
    assert await store.db.write(quotas.give, ALICE, Quota(None, None)) == await store.db.read(quotas.of, ALICE) == Quota(None, None)
    assert await store.db.read(quota.room, ALICE) is None
    assert await store.db.write(quotas.give, ALICE, None) == everybody


async def test_a_quota_is_no_negative_number_and_everybodys_stays(store: Store) -> None:
    with pytest.raises(BadEntry):
        await store.db.write(quotas.give, ALICE, Quota(-1, None))
    with pytest.raises(BadEntry):
        await store.db.write(quotas.give, EVERYBODY, None)


async def test_who_is_nearly_full_or_has_a_quota_of_their_own_is_notable(store: Store) -> None:
    await fill(store, ALICE, 10)

    async def notable(limit: Quota, percent: int = 80) -> list[int]:
        await store.db.write(quotas.give, EVERYBODY, limit)
        return list(await store.db.read(quota.notable, percent, 100))

    assert await notable(Quota(None, None)) == []
    assert [await notable(Quota(None, count)) for count in (12, 13)] == [[ALICE], []]
    held = await store.db.read(quota.usage, ALICE)
    assert await notable(Quota(held.storage_bytes, None)) == [ALICE]
    assert await notable(Quota(held.storage_bytes * 2, None)) == []
    await store.db.write(quotas.give, ALICE, Quota(1 << 40, None))
    assert await notable(Quota(None, None)) == [ALICE]


@pytest.mark.parametrize(
    ("may", "full"),
    [(Quota(None, None), None), (Quota(200, None), 50), (Quota(200, 12), 83), (Quota(50, 1_000), 200), (Quota(0, None), 100)],
)
def test_how_full_is_by_the_nearest_limit(may: Quota, full: int | None) -> None:
    assert quota.percent(Usage(100, 10, 1), may) == full
