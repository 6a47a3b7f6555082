"""What is simple is delivered by the transaction that accepts it; whatever is not goes through the queue."""

import pytest

from config.clock import HOUR_US
from directory import quotas
from directory.quotas import Quota
from mailcore import metrics
from mailcore.errors import Damaged
from mailcore.queue import express, holds, listing, worker
from mailcore.queue.accept import accept
from mailcore.queue.types import By, Recipient
from mailcore.store import mailboxes
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, _account_id, inbox, letter, queued, submission

COUNTED = ('diwan_queue_attempts_total{outcome="delivered",destination="here"}', 'diwan_queue_delivery_seconds_count{destination="here"}')


async def counted(services):
    """What the figures say of deliveries here: how many, and of how many the time was taken."""
    said = dict(line.rsplit(" ", 1) for line in await metrics.figures(services))
    return [float(said.get(name, 0)) for name in COUNTED]


async def depth(services):
    return await services.db.read(listing.depth)


async def test_mail_for_mailboxes_here_is_there_when_it_is_accepted(services):
    await accept(services, submission(AMINA, KARIM, KARIM.upper()))
    assert await depth(services) == 0
    assert [await inbox(services, each) for each in (AMINA, KARIM)] == [[letter()], [letter()]]


async def test_junk_goes_where_junk_goes(services):
    await accept(services, submission(KARIM, junk=True))
    account_id = await services.db.read(_account_id, KARIM)
    assert (await depth(services), await inbox(services, KARIM)) == (0, [])
    assert (await services.db.read(mailboxes.by_role, account_id, "junk")).exists == 1


@pytest.mark.parametrize(
    "asked",
    [
        submission(KARIM, "x@elsewhere.example"),
        submission(KARIM, f"nobody@{DOMAIN}"),
        submission(Recipient(KARIM, frozenset({"SUCCESS"}))),
        submission(KARIM, by=By(1 << 60)),
        submission(KARIM, hold_until_us=1 << 60),
        submission(*[KARIM] * (express.MAX_RECIPIENTS + 1)),
    ],
    ids=["foreign", "unknown", "success", "by", "hold", "many"],
)
async def test_what_asks_for_more_waits_in_the_queue(services, asked):
    await accept(services, asked)
    assert await depth(services) == len(asked.recipients)
    assert await inbox(services, KARIM) == []


async def test_what_an_operator_holds_back_is_not_delivered(services):
    await services.db.write(holds.begin, 7, "destination", DOMAIN, "test", "operator")
    await accept(services, submission(KARIM))
    assert (await depth(services), await inbox(services, KARIM)) == (1, [])


async def test_a_full_mailbox_leaves_the_message_to_the_queue_as_a_whole(services, clock):
    await accept(services, submission(KARIM))
    account_id = await services.db.read(_account_id, KARIM)
    await services.db.write(quotas.give, account_id, Quota(1, None))
    await accept(services, submission(AMINA, KARIM, raw=letter("second")))
    assert (await depth(services), await inbox(services, AMINA)) == (2, [])
    await services.db.write(quotas.give, account_id, None)
    await worker.drain(services)
    clock.advance(HOUR_US)
    await worker.drain(services)
    assert (await depth(services), len(await inbox(services, KARIM)), len(await inbox(services, AMINA))) == (0, 2, 1)


async def test_what_is_delivered_at_once_is_counted_as_the_queue_counts_it(services):
    before = await counted(services)
    await accept(services, submission(AMINA, KARIM))
    at_once = await counted(services)
    await queued(services, submission(AMINA, KARIM))
    await worker.drain(services)
    assert at_once == [each + 2 for each in before]
    assert await counted(services) == [each + 2 for each in at_once]


async def test_what_waits_in_the_queue_is_counted_when_it_is_delivered(services):
    before = await counted(services)
    await accept(services, submission(KARIM, f"nobody@{DOMAIN}"))
    assert await counted(services) == before


async def test_only_what_goes_through_the_queue_is_remembered_for_its_delivery(services):
    message = await services.store.prepare(letter())
    await accept(services, submission(KARIM))
    with pytest.raises(Damaged):  # read anew, with a key that is not its own
        await services.store.prepared(message.blob_id, bytes(32))
    await accept(services, submission(KARIM, f"nobody@{DOMAIN}"))
    assert (await services.store.prepared(message.blob_id, bytes(32))).index == message.index
