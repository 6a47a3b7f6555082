import asyncio
from dataclasses import replace

import pytest

from config.clock import HOUR_US, MINUTE_US, SECOND_US
from directory import journal, recents, resolve
from directory.address import parse
from directory.errors import BadAddress, NotPermitted
from directory.rights import CONSOLE, NATION, Actor
from mailcore.errors import SendingLimited
from mailcore.evidence import facts
from mailcore.queue import holds, listing, queue, ranks, spending, steering
from mailcore.queue.steering import Choice
from mailcore.queue.types import By, Later, Recipient, Reply, queue_name, queue_number
from mailcore.store.types import AccountId
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, queued, submission

LEASE_US = 300 * SECOND_US
BUSY = Reply(451, "4.3.0", "busy")


def counts(tx):
    return tx.value("SELECT COUNT(*) FROM queue_message"), tx.value("SELECT COUNT(*) FROM queue_recipient")


async def lease(services, owner="w1", limit=50):
    return await services.db.write(queue.lease_local, owner, services.clock.now_us() + LEASE_US, limit)


async def test_accept_writes_one_row_per_recipient_and_wakes_the_workers(services):
    with services.store.bus.subscribe(AccountId(0)) as hints:
        name = await queued(services, submission(AMINA, KARIM, "x@elsewhere.example"))
        assert await hints.wait(5)
    rows = await services.db.read(listing.show, queue_number(name))
    assert [row.address for row in rows] == [AMINA, KARIM, "x@elsewhere.example"]
    assert await services.db.read(counts) == (1, 3)
    await steering.drop(services.db, CONSOLE, Choice(queue_number(name)), "", facts.issuer(services.settings))


async def test_recipients_become_correspondents_of_the_person_who_wrote(services):
    amina, karim = [await services.db.read(resolve.resolve, parse(one)) for one in (AMINA, KARIM)]
    await queued(services, submission(KARIM))
    await queued(services, replace(submission(AMINA, KARIM, "x@elsewhere.example"), writer_id=amina.account_id))
    assert await services.db.read(recents.latest, amina.account_id) == [karim.account_id]
    assert await services.db.read(recents.latest, karim.account_id) == []


@pytest.mark.parametrize("bound", [("MAX_HELD", 1), ("MAX_HELD_BYTES", 100)])
async def test_what_waits_for_its_release_is_bounded_for_each_sender(services, clock, monkeypatch, bound):
    monkeypatch.setattr(spending, *bound)
    later = {"account_id": 7, "hold_until_us": clock.now_us() + HOUR_US}
    await queued(services, submission(KARIM, **later))
    with pytest.raises(SendingLimited, match="may wait for their release"):
        await queued(services, submission(KARIM, **later))
    assert await services.db.read(counts) == (1, 1)
    await queued(services, submission(KARIM, **later | {"account_id": 8}))
    await queued(services, submission(KARIM, account_id=7))
    clock.advance(HOUR_US)
    await queued(services, submission(KARIM, account_id=7, hold_until_us=clock.now_us() + HOUR_US))


async def test_a_message_without_recipients_is_refused(services):
    with pytest.raises(ValueError):
        await queued(services, submission())


async def test_an_unreadable_address_is_refused_and_nothing_is_queued(services):
    with pytest.raises(BadAddress):
        await queued(services, submission(AMINA, "not an address"))
    assert await services.db.read(counts) == (0, 0)


async def test_lanes_keep_our_domains_apart_from_others(services):
    await queued(services, submission(AMINA.replace(DOMAIN, DOMAIN.upper()), "x@elsewhere.example", "y@other.example"))
    until_us = services.clock.now_us() + LEASE_US
    assert [each.domain for each in await lease(services)] == [DOMAIN]
    first = await services.db.write(queue.lease_remote, "w", until_us, 50, [])
    second = await services.db.write(queue.lease_remote, "w", until_us, 50, [first[0].domain])
    assert {first[0].domain, second[0].domain} == {"elsewhere.example", "other.example"}
    assert await services.db.write(queue.lease_remote, "w", until_us, 50, []) == []


async def test_busy_destinations_are_passed_over(services):
    await queued(services, submission("x@elsewhere.example"))
    until_us = services.clock.now_us() + LEASE_US
    assert await services.db.write(queue.lease_remote, "w", until_us, 50, ["elsewhere.example"]) == []
    assert await services.db.read(queue.next_due_us, queue.REMOTE, ["elsewhere.example"]) is None
    assert await services.db.read(queue.next_due_us, queue.REMOTE) == services.clock.now_us()


async def test_two_workers_never_hold_the_same_recipient(services):
    for _ in range(10):
        await queued(services, submission(AMINA, KARIM))
    taken = await asyncio.gather(*(lease(services, f"w{n}", 3) for n in range(12)))
    keys = [each.key for leases in taken for each in leases]
    while more := await lease(services):
        keys += [each.key for each in more]
    assert len(keys) == len(set(keys)) == 20


async def test_an_expired_lease_is_taken_over_and_its_old_owner_changes_nothing(services, clock):
    await queued(services, submission(AMINA))
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
    await queued(services, submission(AMINA))
    [old] = await lease(services, "w1")
    clock.advance(LEASE_US)
    [new] = await lease(services, "w1")
    assert await services.db.write(queue.settle, [old], [], []) == [old]
    assert await services.db.write(queue.settle, [new], [], []) == []


async def test_a_renewed_lease_does_not_expire(services, clock):
    await queued(services, submission(AMINA))
    held = await lease(services)
    clock.advance(LEASE_US - 1)
    assert await services.db.write(queue.renew, held, clock.now_us() + LEASE_US) == 1
    clock.advance(LEASE_US - 1)
    assert await lease(services, "w2") == []


async def test_a_postponed_recipient_comes_back_when_it_is_due(services, clock):
    name = await queued(services, submission(AMINA))
    [held] = await lease(services)
    await services.db.write(queue.settle, [], [Later(held, clock.now_us() + MINUTE_US, BUSY)], [])
    [row] = await services.db.read(listing.show, queue_number(name))
    assert (row.lease_owner, row.attempts, row.last_text) == ("", 1, "451 4.3.0 busy")
    assert await lease(services) == []
    clock.advance(MINUTE_US)
    assert [each.attempts for each in await lease(services)] == [2]


async def test_the_message_and_its_key_go_with_the_last_recipient(services):
    await queued(services, submission(AMINA, KARIM))
    first, second = await lease(services)
    await services.db.write(queue.settle, [first], [], [])
    assert await services.db.read(counts) == (1, 1)
    await services.db.write(queue.settle, [second], [], [])
    assert await services.db.read(counts) == (0, 0)


async def test_dsn_words_survive_the_queue(services):
    asked = Recipient(AMINA, frozenset({"SUCCESS", "DELAY"}), "rfc822;amina@old.example")
    await queued(services, submission(asked, KARIM, envid="id 1", ret="HDRS", smtputf8=True))
    first, second = await lease(services)
    assert (first.notify, first.orcpt, second.notify) == (asked.notify, asked.orcpt, frozenset())
    assert (first.message.envid, first.message.ret, first.message.smtputf8) == ("id 1", "HDRS", True)


async def test_a_recipient_can_change_lanes(services):
    await queued(services, submission("x@elsewhere.example"))
    until_us = services.clock.now_us() + LEASE_US
    held = await services.db.write(queue.lease_remote, "w", until_us, 50, [])
    await services.db.write(queue.change_lane, held, queue.LOCAL)
    assert [each.address for each in await lease(services)] == ["x@elsewhere.example"]


async def test_release_gives_back_what_one_owner_holds(services):
    await queued(services, submission(AMINA, KARIM))
    await lease(services, "w1", 1)
    [kept] = await lease(services, "w2", 1)
    assert await services.db.write(queue.release, "w1") == 1
    assert [each.number for each in await lease(services, "w3")] == [1 - kept.number]
    assert await services.db.write(queue.release) == 2


async def test_operators_see_and_steer_the_queue(services, clock):
    name = await queued(services, submission(AMINA, "x@elsewhere.example"))
    [held] = await lease(services)
    await services.db.write(queue.settle, [], [Later(held, clock.now_us() + HOUR_US, BUSY)], [])
    assert [row.address for row in await services.db.read(listing.listing, 10, "elsewhere.example")] == ["x@elsewhere.example"]
    assert await services.db.read(listing.depth) == 2
    assert await steering.retry(services.db, CONSOLE, Choice(queue_number(name))) == 2
    assert len(await lease(services)) == 1
    assert await steering.drop(services.db, CONSOLE, Choice(queue_number(name)), "", facts.issuer(services.settings)) == 2
    assert await services.db.read(counts) == (0, 0)


async def take(services, owner="w"):
    return await services.db.write(queue.lease_remote, owner, services.clock.now_us() + LEASE_US, 50, [])


async def put(services, *recipients, **more):
    return await queued(services, submission(*recipients, **more))


@pytest.mark.parametrize(
    ("priority", "name"), [(-9, "routine"), (0, "routine"), (1, "priority"), (3, "immediate"), (4, "flash"), (9, "flash")]
)
def test_nineteen_priorities_have_four_names(priority, name):
    assert ranks.name(priority) == name


async def test_an_urgent_message_overtakes_what_came_before_in_both_lanes(services, clock):
    for n in range(60):
        await put(services, AMINA, f"u{n}@elsewhere.example")
    clock.advance(SECOND_US)
    await put(services, KARIM, "x@elsewhere.example", "y@other.example", priority=4)
    assert (await lease(services, limit=10))[0].address == KARIM
    first = await services.db.write(queue.lease_remote, "w", clock.now_us() + LEASE_US, 10, [])
    assert [each.address for each in first][:1] in (["x@elsewhere.example"], ["y@other.example"])
    second = await services.db.write(queue.lease_remote, "w", clock.now_us() + LEASE_US, 10, [])
    assert {first[0].address, second[0].address} == {"x@elsewhere.example", "y@other.example"}
    assert first[0].message.priority == 4


async def test_a_flood_of_urgent_mail_leaves_routine_mail_a_tenth(services, clock):
    for _ in range(10):
        await put(services, KARIM)
    clock.advance(SECOND_US)
    for n in range(60):
        await put(services, AMINA, priority=(9, 2, 1)[n % 3])
    taken = [ranks.name(each.message.priority) for each in await lease(services, limit=50)]
    assert taken.count("routine") >= 5
    assert taken[0] == "flash"


async def test_one_look_goes_by_age_so_that_a_destination_with_routine_mail_is_reached(services, clock):
    await put(services, "old@slow.example")
    clock.advance(SECOND_US)
    await put(services, "x@urgent.example", priority=9)
    until_us = clock.now_us() + LEASE_US
    assert (await services.db.write(queue.lease_remote, "w", until_us, 50, [], by_age=True))[0].domain == "slow.example"
    assert (await services.db.write(queue.lease_remote, "w", until_us, 50, []))[0].domain == "urgent.example"


async def test_a_lane_knows_when_it_is_due_again(services, clock):
    await put(services, "a@far.example")
    [held] = await take(services)
    assert await services.db.read(queue.next_due_us, queue.REMOTE) == held.until_us
    await services.db.write(queue.settle, [], [Later(held, clock.now_us() + MINUTE_US, BUSY)], [])
    assert await services.db.read(queue.next_due_us, queue.REMOTE) == clock.now_us() + MINUTE_US
    clock.advance(MINUTE_US)
    [again] = await take(services)
    await services.db.write(queue.settle, [again], [], [])
    clock.advance(LEASE_US)
    assert await take(services) == []
    assert await services.db.read(queue.next_due_us, queue.REMOTE) is None


async def test_what_is_asked_of_a_message_survives_the_queue(services, clock):
    by = By(clock.now_us() + HOUR_US, notify=True, trace=True)
    await put(services, AMINA, priority=-3, by=by, requiretls=True, body="8BITMIME", junk=True)
    [one] = await lease(services)
    asked = one.message
    assert (asked.priority, asked.by, asked.requiretls, asked.body, asked.junk) == (-3, by, True, "8BITMIME", True)


async def test_a_message_for_later_is_not_leased_before_and_not_hastened(services, clock):
    later_us = clock.now_us() + HOUR_US
    name = await put(services, AMINA, hold_until_us=later_us)
    assert await lease(services) == []
    await steering.retry(services.db, CONSOLE, Choice(queue_number(name)))
    assert await lease(services) == []
    [row] = await services.db.read(listing.listing)
    assert row.state(clock.now_us()) == "scheduled"
    clock.advance(HOUR_US)
    [one] = await lease(services)
    assert one.message.expires_us == later_us + services.settings.queue.lifetime_s * SECOND_US


@pytest.mark.parametrize(("kind", "value"), [("sender", AMINA.upper()), ("destination", "elsewhere.example"), ("message", "")])
async def test_what_is_held_is_not_leased_until_it_is_released_and_gets_its_time_back(services, clock, kind, value):
    name = await put(services, "x@elsewhere.example")
    other = await put(services, "x@other.example", sender=KARIM)
    assert await steering.hold(services.db, CONSOLE, kind, value or name, "stolen password") == 1
    more = await put(services, "z@elsewhere.example")
    assert {each.address for each in await take(services)} == ({"z@elsewhere.example"} if kind == "message" else {"x@other.example"})
    [row] = await services.db.read(listing.show, queue_number(name))
    assert (row.state(clock.now_us()), row.hold_reason, row.hold_who) == ("held", "stolen password", "console")
    [before] = await services.db.read(listing.show, queue_number(name))
    clock.advance(HOUR_US)
    count = 1 if kind == "message" else 2
    assert [one.recipients for one in await services.db.read(listing.held)] == [count]
    assert await steering.retry(services.db, CONSOLE, Choice()) == (0 if kind != "message" else 1)
    assert await steering.release(services.db, CONSOLE, kind, value or name, "it was not") == count
    [after] = await services.db.read(listing.show, queue_number(name))
    assert after.expires_us == before.expires_us + HOUR_US
    assert name in [queue_name(each.message.queue_id) for _ in range(2) for each in await take(services)]
    acts = await services.db.write(
        lambda tx: [entry.act for entry in journal.entries(tx, CONSOLE, NATION) if entry.act.startswith("queue.")]
    )
    assert sorted(acts) == ["queue.held", "queue.released", "queue.retried"]
    for each in (name, other, more):
        await steering.drop(services.db, CONSOLE, Choice(queue_number(each)), "end", facts.issuer(services.settings))


async def test_what_is_on_the_wire_when_it_is_held_is_held_when_that_fails(services, clock):
    await put(services, "x@elsewhere.example")
    [one] = await take(services)
    await steering.hold(services.db, CONSOLE, "destination", "elsewhere.example", "")
    with pytest.raises(steering.HeldAlready):
        await steering.hold(services.db, CONSOLE, "destination", "ELSEWHERE.example", "")
    await services.db.write(queue.settle, [], [Later(one, clock.now_us() + MINUTE_US, BUSY)], [])
    clock.advance(HOUR_US)
    assert await take(services) == []
    [row] = await services.db.read(listing.listing)
    assert row.due_us == holds.NEVER_US
    assert await services.db.read(listing.oldest_us) is None
    await steering.release(services.db, CONSOLE, "destination", "elsewhere.example", "")
    with pytest.raises(steering.NotHeld):
        await steering.release(services.db, CONSOLE, "destination", "elsewhere.example", "")
    assert len(await take(services)) == 1


async def test_nobody_steers_the_queue_without_the_right(services):
    name = await put(services, AMINA)
    stranger = Actor("Karim", 2)
    for attempt in (
        steering.hold(services.db, stranger, "message", name, ""),
        steering.drop(services.db, stranger, Choice(queue_number(name)), "", facts.issuer(services.settings)),
    ):
        with pytest.raises(NotPermitted):
            await attempt
    assert await services.db.read(counts) == (1, 1)


async def test_what_is_dropped_is_journalled_with_sender_and_recipients(services):
    await put(services, AMINA, "x@elsewhere.example")
    await put(services, "y@elsewhere.example", sender=KARIM)
    choice, issuer = Choice(domain="elsewhere.example"), facts.issuer(services.settings)
    assert await steering.drop(services.db, CONSOLE, choice, "wrong address", issuer) == 2
    assert await services.db.read(counts) == (1, 1)
    found = await services.db.write(lambda tx: [entry.body for entry in journal.entries(tx, CONSOLE, NATION, act="queue.dropped")])
    assert {tuple(body["after"]["recipients"]) for body in found} == {("x@elsewhere.example",), ("y@elsewhere.example",)}
    assert {body["reason"] for body in found} == {"wrong address"}


async def test_totals_by_destination_name_what_waits_and_why(services, clock):
    await put(services, "a@far.example", "b@far.example", "c@near.example")
    await steering.hold(services.db, CONSOLE, "destination", "near.example", "")
    first, second = await services.db.read(listing.totals)
    assert (first.domain, first.waiting, first.held, first.due_us) == ("far.example", 2, 0, clock.now_us())
    assert (second.domain, second.waiting, second.held, second.due_us) == ("near.example", 1, 1, None)
    assert await services.db.read(listing.oldest_us) == clock.now_us()
