"""Each fact of a letter has one evidence, with the right event and its reasons, whichever way the letter goes. ETSI EN 319 522-2 §8.2."""

from collections import Counter

import pytest

from config.clock import DAY_US, HOUR_US, SECOND_US
from config.settings import Route
from directory import aliases, held, quotas
from directory.address import parse
from directory.quotas import Quota
from directory.rights import CONSOLE
from mailcore.evidence import facts
from mailcore.queue import bounce, moderation, queue, steering
from mailcore.queue.accept import accept
from mailcore.queue.proofs import DROPPED, UNCERTAIN, Ending
from mailcore.queue.steering import Choice
from mailcore.queue.types import Recipient, Reply, queue_number
from mailcore.queue.worker import drain
from mailcore.sieve import scripts
from tests.mailcore.evidence.test_facts import RAW, everything, known
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, inbox, queued, submission
from tests.mailcore.queue.sink import Sink
from tests.mailcore.queue.test_lists import LIST, OUTER, account, make

ALIAS = f"k.khelifi@{DOMAIN}"
STRANGER, OTHER = "paul@ailleurs.example", "anne@autrepart.example"
SUBMITTED, RECEIVED, CONSIGNED = "SubmissionAcceptance", "ReceivedFromNonERDS", "ContentConsignment"
FAILED, SENT, UNSENT = "ContentConsignmentFailure", "RelayToNonERDS", "RelayToNonERDSFailure"


async def told(services):
    """Event, sender, recipient and code of the reason, one for each recipient of each record: how often."""
    found = Counter()
    for one in await services.db.read(everything):
        for address in one.recipients:
            found[one.event, address, *(reason.code for reason in one.reasons)] += 1
    return found


def facts_of(*rows):
    return Counter(rows)


def route(sink, domain=""):
    return Route(domain, "127.0.0.1", sink.port, tls="opportunistic")


async def scripted(services, address, text):
    box = await services.store.open_account(await services.db.read(account, address))
    await services.db.write(scripts.put_in_force, box, "rules", text.encode())


async def submitted(services, *recipients, sender=AMINA, **more):
    return await accept(services, submission(*recipients, sender=sender, account_id=await services.db.read(account, sender), **more))


@pytest.mark.parametrize("database_url", ["sqlite"])  # the statements are those of the tests below
@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("discard;", [(CONSIGNED, KARIM)]),
        ('require "vacation"; vacation "absent";', [(CONSIGNED, KARIM)]),  # the notice is a report: none is kept of it
        ('require "reject"; reject "not today";', [(FAILED, KARIM, "550 5.7.1")]),
        (f'redirect "{STRANGER}";', [(CONSIGNED, KARIM), (SENT, STRANGER)]),
        (f'redirect "{AMINA}"; keep;', [(CONSIGNED, KARIM), (CONSIGNED, AMINA)]),
    ],
)
async def test_a_script_leaves_evidence_of_what_it_did_and_of_nothing_else(opener, sink, script, wanted):
    async with opener([route(sink)]) as services:
        await scripted(services, KARIM, script)
        await submitted(services, KARIM)
        await drain(services)
        assert await told(services) == facts_of((SUBMITTED, KARIM), *wanted)


async def test_nobody_submitted_what_a_script_sends_on(services):
    await scripted(services, KARIM, f'redirect "{AMINA}";')
    name = await submitted(services, KARIM)
    await queued(services, submission(KARIM, sender=STRANGER))
    await drain(services)
    accepted = [one for one in await services.db.read(everything) if one.event in (SUBMITTED, RECEIVED)]
    assert sorted((one.event, one.sender, one.recipients) for one in accepted) == [
        (RECEIVED, STRANGER, (KARIM,)),
        (SUBMITTED, AMINA, (KARIM,)),
    ]
    assert [one.queue for one in accepted if one.event == SUBMITTED] == [name]


@pytest.mark.parametrize(
    ("order", "scripts_of"),  # who has a script is reached by rows of the queue, others by the piece
    [
        ((LIST, KARIM), ()),
        ((LIST, KARIM), (KARIM,)),
        ((KARIM, LIST), (KARIM,)),
        ((ALIAS, LIST), (KARIM,)),
        ((LIST, ALIAS), (KARIM,)),
        ((LIST, OUTER), (KARIM,)),
        ((KARIM, ALIAS, KARIM), ()),
    ],
)
async def test_who_is_reached_in_two_ways_has_one_copy_and_one_evidence(services, order, scripts_of):
    await services.db.write(make, (KARIM, AMINA))
    await services.db.write(make, (KARIM,), OUTER)
    await services.db.write(lambda tx: aliases.add(tx, account(tx, KARIM), "person", parse(ALIAS)))
    for address in scripts_of:
        await scripted(services, address, "keep;")
    await submitted(services, *order)
    await drain(services)
    found = await told(services)
    assert len(await inbox(services, KARIM)) == 1
    named = {(event, address) for event, address, *_ in found if address in (KARIM, ALIAS) and event == CONSIGNED}
    assert named <= {(CONSIGNED, KARIM), (CONSIGNED, ALIAS)}
    assert {(CONSIGNED, one) for one in order if one in (KARIM, ALIAS)} <= named
    assert {count for key, count in found.items() if key[0] == CONSIGNED} == {1}


async def test_a_mailbox_that_stays_full_is_a_failure_at_the_end_and_not_before(services, clock):
    await services.db.write(lambda tx: quotas.give(tx, account(tx, KARIM), Quota(len(RAW) + 1, None)))
    await submitted(services, KARIM, raw=RAW)
    await submitted(services, KARIM, raw=RAW)
    for days in range(6):
        await drain(services)
        if not days:
            assert await told(services) == facts_of((SUBMITTED, KARIM), (CONSIGNED, KARIM), (SUBMITTED, KARIM))
        clock.advance(DAY_US)
    assert await told(services) == facts_of((SUBMITTED, KARIM), (CONSIGNED, KARIM), (SUBMITTED, KARIM), (FAILED, KARIM, "550 5.4.7"))


async def test_what_a_peer_takes_at_the_third_try_is_sent_once(opener, clock, sink):
    sink.replies += [(b"RCPT", b"451 4.2.0 later")] * 2
    async with opener([route(sink)]) as services:
        await submitted(services, STRANGER)
        for _ in range(3):
            await drain(services)
            clock.advance(HOUR_US)
        assert await told(services) == facts_of((SUBMITTED, STRANGER), (SENT, STRANGER))


async def test_what_no_peer_takes_for_days_fails_once(opener, clock, sink):
    sink.replies += [(b"RCPT", b"451 4.2.0 later")] * 500
    async with opener([route(sink)]) as services:
        await submitted(services, STRANGER)
        for _ in range(7):
            await drain(services)
            clock.advance(DAY_US)
        assert await told(services) == facts_of((SUBMITTED, STRANGER), (UNSENT, STRANGER, "550 5.4.7"))


async def test_recipients_at_two_peers_have_each_their_own_fate(opener, sink):
    sink.replies += [(b"RCPT", b"550 5.1.1 nobody"), (b"RCPT", b"250 2.1.5 ok")]
    refusals = [(b"DATA", b"554 5.6.0 not this"), (b"BDAT", b"554 5.6.0 not this")]
    async with (
        Sink(replies=refusals).listening() as second,
        opener([route(sink, "ailleurs.example"), route(second, "autrepart.example")]) as services,
    ):
        await services.db.write(known)
        await submitted(services, STRANGER, "jean@ailleurs.example", OTHER, KARIM)
        await drain(services)
        found = await told(services)
    assert found == facts_of(
        *[(SUBMITTED, one) for one in (STRANGER, "jean@ailleurs.example", OTHER, KARIM)],
        ("RelayRejection", STRANGER, "550 5.1.1"),
        ("RelayAcceptance", "jean@ailleurs.example"),
        (UNSENT, OTHER, "554 5.6.0"),
        (CONSIGNED, KARIM),
    )


async def test_what_we_do_not_send_to_a_node_is_no_rejection_of_its(services):
    await services.db.write(known)
    await queued(services, submission(STRANGER))
    leases = await services.db.write(queue.lease_remote, "me", 1 << 60, 10, [])
    ours = (facts.issuer(services.settings), [Ending(lease, Reply(550, "5.7.1", "not from there"), failed=True) for lease in leases])
    await services.db.write(queue.settle, leases, (), (), ours)
    assert await told(services) == facts_of((RECEIVED, STRANGER), ("RelayFailure", STRANGER, "550 5.7.1"))


async def test_a_report_that_is_not_sent_leaves_no_evidence_of_what_it_tells(services, clock):
    await queued(services, submission("a@ailleurs.example", "b@ailleurs.example"))
    mine = await services.db.write(queue.lease_remote, "me", clock.now_us() + SECOND_US, 10, [])
    report = await bounce.report(services, "failed", [(lease, Reply(550, "5.1.1", "nobody", "mx")) for lease in mine])
    clock.advance(2 * SECOND_US)
    await services.db.write(queue.lease_remote, "another", clock.now_us() + HOUR_US, 1, [])
    ended = (facts.issuer(services.settings), [Ending(lease, Reply(550, "5.1.1", "nobody", "mx"), failed=True) for lease in mine])
    assert len(await services.db.write(queue.settle, (), (), [report], ended)) == 1
    assert {key[0] for key in await told(services)} == {RECEIVED}  # the other one is tried again, and has evidence of that
    await steering.drop(services.db, CONSOLE, Choice(), "end", facts.issuer(services.settings))


async def test_what_an_operator_drops_has_evidence_of_its_end_with_the_reason(services, clock):
    await services.db.write(known)
    name = await queued(services, submission(KARIM, STRANGER, OTHER))
    issuer, choice = facts.issuer(services.settings), Choice(queue_number(name))
    await steering.hold(services.db, CONSOLE, "message", name, "looked at")
    await steering.release(services.db, CONSOLE, "message", name, "seen")
    assert {key[0] for key in await told(services)} == {RECEIVED}  # neither is an end
    while (leases := await services.db.write(queue.lease_remote, "me", clock.now_us() + HOUR_US, 10, [])) and leases[0].address != OTHER:
        pass
    assert await steering.drop(services.db, CONSOLE, choice, "by order 12", issuer) == 3
    ends = {one.event: one for one in await services.db.read(everything) if one.event != RECEIVED}
    assert {event: one.recipients for event, one in ends.items()} == {FAILED: (KARIM,), "RelayFailure": (STRANGER,), UNSENT: (OTHER,)}
    assert {one.queue for one in ends.values()} == {name}
    assert [reason.text for reason in ends[FAILED].reasons] == [f"{DROPPED}: by order 12"]
    assert [reason.text for reason in ends[UNSENT].reasons] == [f"{UNCERTAIN}: by order 12"]
    assert await steering.drop(services.db, CONSOLE, choice, "again", issuer) == 0


async def test_what_an_owner_rejects_is_a_failure_and_what_is_released_reaches_members(services):
    list_id = await services.db.write(make, (KARIM,), LIST, AMINA, "nation", "all")
    for decision, wanted in (("released", (CONSIGNED, KARIM)), ("rejected", (FAILED, LIST, "550 5.7.1"))):
        before = await told(services)
        await submitted(services, Recipient(LIST), sender=KARIM)
        await drain(services)
        assert await told(services) - before == facts_of((SUBMITTED, LIST))
        [one] = await services.db.read(moderation.waiting, [list_id])
        await services.db.write(lambda tx, one=one, to=decision: moderation.wake(tx, held.decide(tx, one.held_id, to, "no")))
        await drain(services)
        assert await told(services) - before == facts_of((SUBMITTED, LIST), wanted)
