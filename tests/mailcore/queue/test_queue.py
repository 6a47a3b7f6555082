import asyncio
from dataclasses import replace

import pytest

from config.clock import HOUR_US, MINUTE_US, SECOND_US
from directory import recents, resolve
from directory.address import parse
from directory.errors import BadAddress
from mailcore.queue import listing, queue
from mailcore.queue.accept import accept
from mailcore.queue.types import Later, Recipient, Reply, queue_number
from mailcore.store.types import AccountId
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, submission

LEASE_US = 300 * SECOND_US
BUSY = Reply(451, "4.3.0", "busy")


def counts(tx):
    return tx.value("SELECT COUNT(*) FROM queue_message"), tx.value("SELECT COUNT(*) FROM queue_recipient")


async def lease(services, owner="w1", limit=50):
    return await services.db.write(queue.lease_local, owner, services.clock.now_us() + LEASE_US, limit)


async def test_accept_writes_one_row_per_recipient_and_wakes_the_workers(services):
    with services.store.bus.subscribe(AccountId(0)) as hints:
        name = await accept(services, submission(AMINA, KARIM, "x@elsewhere.example"))
        assert await hints.wait(5)
    rows = await services.db.read(listing.show, queue_number(name))
    assert [row.address for row in rows] == [AMINA, KARIM, "x@elsewhere.example"]
    assert await services.db.read(counts) == (1, 3)
    await services.db.write(listing.drop, queue_number(name))


async def test_recipients_become_correspondents_of_the_person_who_wrote(services):
    amina, karim = [await services.db.read(resolve.resolve, parse(one)) for one in (AMINA, KARIM)]
    await accept(services, submission(KARIM))
    await accept(services, replace(submission(AMINA, KARIM, "x@elsewhere.example"), writer_id=amina.account_id))
    assert await services.db.read(recents.latest, amina.account_id) == [karim.account_id]
    assert await services.db.read(recents.latest, karim.account_id) == []


async def test_a_message_without_recipients_is_refused(services):
    with pytest.raises(ValueError):
        await accept(services, submission())


async def test_an_unreadable_address_is_refused_and_nothing_is_queued(services):
    with pytest.raises(BadAddress):
        await accept(services, submission(AMINA, "not an address"))
    assert await services.db.read(counts) == (0, 0)


async def test_lanes_keep_our_domains_apart_from_others(services):
    await accept(services, submission(AMINA.replace(DOMAIN, DOMAIN.upper()), "x@elsewhere.example", "y@other.example"))
    until_us = services.clock.now_us() + LEASE_US
    assert [each.domain for each in await lease(services)] == [DOMAIN]
    first = await services.db.write(queue.lease_remote, "w", until_us, 50, [])
    second = await services.db.write(queue.lease_remote, "w", until_us, 50, [first[0].domain])
    assert {first[0].domain, second[0].domain} == {"elsewhere.example", "other.example"}
    assert await services.db.write(queue.lease_remote, "w", until_us, 50, []) == []


async def test_busy_destinations_are_passed_over(services):
    await accept(services, submission("x@elsewhere.example"))
    until_us = services.clock.now_us() + LEASE_US
    assert await services.db.write(queue.lease_remote, "w", until_us, 50, ["elsewhere.example"]) == []
    assert await services.db.read(queue.next_due_us, queue.REMOTE, ["elsewhere.example"]) is None
    assert await services.db.read(queue.next_due_us, queue.REMOTE) == services.clock.now_us()


async def test_two_workers_never_hold_the_same_recipient(services):
    for _ in range(10):
        await accept(services, submission(AMINA, KARIM))
    taken = await asyncio.gather(*(lease(services, f"w{n}", 3) for n in range(12)))
    keys = [each.key for leases in taken for each in leases]
    while more := await lease(services):
        keys += [each.key for each in more]
    assert len(keys) == len(set(keys)) == 20


async def test_an_expired_lease_is_taken_over_and_its_old_owner_changes_nothing(services, clock):
    await accept(services, submission(AMINA))
    [old] = await lease(services, "w1")
    assert await lease(services, "w2") == []
    clock.advance(LEASE_US)
    [new] = await lease(services, "w2")
    assert (new.token, new.attempts) == (old.token + 1, 2)
    assert await services.db.write(queue.settle, [old], [], []) == [old]
    assert await services.db.write(queue.settle, [], [Later(old, 0, BUSY)], []) == [old]
    assert await services.db.write(queue.renew, [old], clock.now_us() + HOUR_US) == 0
    assert await services.db.read(counts) == (1, 1)
    assert await services.db.write(queue.settle, [new], [], []) == []
    assert await services.db.read(counts) == (0, 0)


async def test_the_same_worker_taking_a_recipient_again_is_fenced_from_its_first_lease(services, clock):
    await accept(services, submission(AMINA))
    [old] = await lease(services, "w1")
    clock.advance(LEASE_US)
    [new] = await lease(services, "w1")
    assert await services.db.write(queue.settle, [old], [], []) == [old]
    assert await services.db.write(queue.settle, [new], [], []) == []


async def test_a_renewed_lease_does_not_expire(services, clock):
    await accept(services, submission(AMINA))
    held = await lease(services)
    clock.advance(LEASE_US - 1)
    assert await services.db.write(queue.renew, held, clock.now_us() + LEASE_US) == 1
    clock.advance(LEASE_US - 1)
    assert await lease(services, "w2") == []


async def test_a_postponed_recipient_comes_back_when_it_is_due(services, clock):
    name = await accept(services, submission(AMINA))
    [held] = await lease(services)
    await services.db.write(queue.settle, [], [Later(held, clock.now_us() + MINUTE_US, BUSY)], [])
    [row] = await services.db.read(listing.show, queue_number(name))
    assert (row.lease_owner, row.attempts, row.last_text) == ("", 1, "451 4.3.0 busy")
    assert await lease(services) == []
    clock.advance(MINUTE_US)
    assert [each.attempts for each in await lease(services)] == [2]


async def test_the_message_and_its_key_go_with_the_last_recipient(services):
    await accept(services, submission(AMINA, KARIM))
    first, second = await lease(services)
    await services.db.write(queue.settle, [first], [], [])
    assert await services.db.read(counts) == (1, 1)
    await services.db.write(queue.settle, [second], [], [])
    assert await services.db.read(counts) == (0, 0)


async def test_dsn_words_survive_the_queue(services):
    asked = Recipient(AMINA, frozenset({"SUCCESS", "DELAY"}), "rfc822;amina@old.example")
    await accept(services, submission(asked, KARIM, envid="id 1", ret="HDRS", smtputf8=True))
    first, second = await lease(services)
    assert (first.notify, first.orcpt, second.notify) == (asked.notify, asked.orcpt, frozenset())
    assert (first.message.envid, first.message.ret, first.message.smtputf8) == ("id 1", "HDRS", True)


async def test_a_recipient_can_change_lanes(services):
    await accept(services, submission("x@elsewhere.example"))
    until_us = services.clock.now_us() + LEASE_US
    held = await services.db.write(queue.lease_remote, "w", until_us, 50, [])
    await services.db.write(queue.change_lane, held, queue.LOCAL)
    assert [each.address for each in await lease(services)] == ["x@elsewhere.example"]


async def test_release_gives_back_what_one_owner_holds(services):
    await accept(services, submission(AMINA, KARIM))
    await lease(services, "w1", 1)
    [kept] = await lease(services, "w2", 1)
    assert await services.db.write(queue.release, "w1") == 1
    assert [each.number for each in await lease(services, "w3")] == [1 - kept.number]
    assert await services.db.write(queue.release) == 2


async def test_operators_see_and_steer_the_queue(services, clock):
    name = await accept(services, submission(AMINA, "x@elsewhere.example"))
    [held] = await lease(services)
    await services.db.write(queue.settle, [], [Later(held, clock.now_us() + HOUR_US, BUSY)], [])
    assert [row.address for row in await services.db.read(listing.listing, 10, "elsewhere.example")] == ["x@elsewhere.example"]
    assert await services.db.read(listing.depth) == 2
    assert await services.db.write(listing.retry, queue_number(name)) == 2
    assert len(await lease(services)) == 1
    assert await services.db.write(listing.drop, queue_number(name)) == 2
    assert await services.db.read(counts) == (0, 0)
