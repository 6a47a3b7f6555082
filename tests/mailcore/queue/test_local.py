import pytest

from directory import aliases, quotas
from directory.address import parse
from directory.quotas import Quota
from directory.rights import CONSOLE
from mailcore.evidence import facts
from mailcore.queue import listing, local, queue, steering
from mailcore.queue.steering import Choice
from mailcore.queue.types import Recipient
from mailcore.queue.worker import drain
from tests.mailcore.queue import node
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, inbox, letter, queued, submission

UNKNOWN = f"nobody@{DOMAIN}"


def post_address(tx, address):
    aliases.add(tx, tx.value("SELECT account_id FROM address WHERE address = :a", a=KARIM), "person", parse(address))


async def test_each_recipient_gets_the_octets_as_they_were_accepted(services):
    raw = letter("سلام")
    await queued(services, submission(AMINA, KARIM, raw=raw))
    await drain(services)
    assert await inbox(services, AMINA) == await inbox(services, KARIM) == [raw]
    assert await services.db.read(listing.depth) == 0


async def test_many_messages_go_in_one_transaction_each_once(services):
    sent = [letter(str(n)) for n in range(120)]
    for raw in sent:
        await queued(services, submission(KARIM, raw=raw))
    await drain(services)
    assert sorted(await inbox(services, KARIM)) == sorted(sent)


async def test_internal_date_is_the_time_of_acceptance(services, clock):
    await queued(services, submission(KARIM))
    accepted_us = clock.now_us()
    clock.advance(60_000_000)
    await drain(services)

    def date(tx):
        return tx.value("SELECT internaldate_us FROM entry")

    assert await services.db.read(date) == accepted_us


async def test_two_addresses_of_one_mailbox_give_one_copy(services):
    await services.db.write(post_address, f"k@{DOMAIN}")
    await queued(services, submission(KARIM, f"k@{DOMAIN}"))
    await drain(services)
    assert len(await inbox(services, KARIM)) == 1
    assert await services.db.read(listing.depth) == 0


async def test_an_unknown_recipient_is_reported_and_the_others_are_served(services):
    await queued(services, submission(UNKNOWN, KARIM))
    await drain(services)
    assert len(await inbox(services, KARIM)) == 1
    [report] = await inbox(services, AMINA)
    assert f"Final-Recipient: rfc822; {UNKNOWN}".encode() in report
    assert b"Status: 5.1.1" in report


async def test_a_delivery_under_a_lost_lease_leaves_the_mailbox_alone(services, clock):
    await queued(services, submission(KARIM))
    [old] = await services.db.write(queue.lease_local, "w1", clock.now_us() + 1, 10)
    clock.advance(1)
    [_] = await services.db.write(queue.lease_local, "w2", clock.now_us() + 1, 10)
    await local.serve(services, [old])
    assert await inbox(services, KARIM) == []
    assert await services.db.read(listing.depth) == 1


async def test_one_broken_mailbox_does_not_hold_up_the_batch(services, clock):
    await services.store.open_account(await services.db.read(node._account_id, AMINA))

    def break_it(tx):
        tx.execute("UPDATE mailbox SET role = '' WHERE role = 'inbox'")

    def mend(tx):
        tx.execute("UPDATE mailbox SET role = 'inbox' WHERE name = 'INBOX'")

    await services.db.write(break_it)
    await queued(services, submission(AMINA, KARIM, sender=KARIM))
    await drain(services)
    assert len(await inbox(services, KARIM)) >= 1
    await services.db.write(mend)
    clock.advance(3_600_000_000)
    await drain(services)
    assert await services.db.read(listing.depth) == 0


async def test_a_damaged_blob_postpones_its_recipients_only(services, clock):
    await queued(services, submission(KARIM, raw=letter("lost")))

    def damage(tx):
        tx.execute("UPDATE queue_message SET dek_wrapped = :dek", dek=b"x" * 40)

    await services.db.write(damage)
    await queued(services, submission(KARIM, raw=letter("kept")))
    await drain(services)
    assert await inbox(services, KARIM) == [letter("kept")]
    [row] = await services.db.read(listing.listing)
    assert row.last_text == "451 4.3.0 a stored message is damaged"
    await steering.drop(services.db, CONSOLE, Choice(row.queue_id), "", facts.issuer(services.settings))


async def test_a_domain_that_is_no_longer_ours_goes_to_the_other_lane(services, clock):
    await queued(services, submission(f"x@{DOMAIN}"))

    def forget(tx):
        tx.execute("DELETE FROM domain")

    await services.db.write(forget)
    [lease] = await services.db.write(queue.lease_local, "w", clock.now_us() + 1, 10)
    await local.serve(services, [lease])
    assert await services.db.read(queue.next_due_us, queue.REMOTE) == clock.now_us()


@pytest.mark.parametrize(
    ("notify", "action"),
    [({"SUCCESS"}, b"delivered"), ({"NEVER"}, None), (set(), None), ({"FAILURE", "DELAY"}, None)],
)
async def test_success_is_reported_only_when_asked_for(services, notify, action):
    await queued(services, submission(Recipient(KARIM, frozenset(notify)), envid="E1"))
    await drain(services)
    assert len(await inbox(services, KARIM)) == 1
    reports = await inbox(services, AMINA)
    assert len(reports) == (action is not None)
    if action is not None:
        assert b"Action: " + action in reports[0]
        assert b"Original-Envelope-Id: E1" in reports[0]


async def test_what_comes_back_for_the_same_recipient_is_returned(services):
    await queued(services, submission(KARIM, raw=f"Delivered-To: {KARIM}\r\n".encode() + letter()))
    await queued(services, submission(KARIM, raw=f"Delivered-To: {AMINA}\r\n".encode() + letter()))
    await drain(services)
    assert len(await inbox(services, KARIM)) == 1
    [report] = await inbox(services, AMINA)
    assert b"Status: 5.4.6" in report


async def test_junk_goes_into_the_mailbox_for_it(services):
    await queued(services, submission(KARIM, junk=True))
    await drain(services)
    assert await inbox(services, KARIM) == []
    count = (
        "SELECT message_count FROM mailbox m JOIN address a ON a.account_id = m.account_id WHERE a.address = :address AND m.role = 'junk'"
    )
    assert await services.db.read(lambda tx: tx.value(count, address=KARIM)) == 1


async def test_what_never_fits_is_returned_at_once(services):
    account_id = await services.db.read(lambda tx: tx.value("SELECT account_id FROM address WHERE address = :a", a=KARIM))
    await services.db.write(quotas.give, account_id, Quota(1, None))
    await queued(services, submission(KARIM, sender=AMINA))
    await drain(services)
    assert await services.db.read(listing.depth) == 0
    [report] = await inbox(services, AMINA)
    assert b"Status: 5.2.2" in report
    assert b"552 5.2.2 message is larger than the mailbox may hold" in b" ".join(report.split())
