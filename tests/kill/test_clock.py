"""Clocks that jump while work is leased: forwards beyond the lease, forwards beyond the lifetime, backwards."""

import pytest

from config.clock import DAY_US, HOUR_US, SECOND_US
from config.settings import Queue, Route
from mailcore.queue import listing, local, queue, remote, worker
from mailcore.queue.settle import Outcome, settle
from mailcore.queue.types import Reply
from tests.mailcore.queue import node
from tests.mailcore.queue.conftest import opener, services, sink

__all__ = ["opener", "services", "sink"]

LEASE_US = 300 * SECOND_US


async def leased(services, owner):
    """Lease what is due for mailboxes here, as a worker would."""
    return await services.db.write(queue.lease_local, owner, services.clock.now_us() + LEASE_US, 9)


async def test_a_jump_beyond_the_lease_lets_another_one_deliver_and_the_first_change_nothing(services, clock):
    await node.queued(services, node.submission(node.KARIM))
    late = await leased(services, "a")
    clock.advance(LEASE_US + 1)
    await local.serve(services, await leased(services, "b"))
    await local.serve(services, late)
    await settle(services, [Outcome(lease, Reply(550, "5.0.0", "too late")) for lease in late])  # would be a report
    assert (len(await node.inbox(services, node.KARIM)), await node.inbox(services, node.AMINA)) == (1, [])
    assert await services.db.read(listing.depth) == 0


@pytest.mark.parametrize("jump_us", [30 * DAY_US, -30 * DAY_US])
async def test_a_jump_during_an_attempt_does_not_change_how_it_ends(services, clock, jump_us):
    await node.queued(services, node.submission(node.KARIM))
    found = await leased(services, "a")
    clock.advance(jump_us)
    assert await services.db.write(queue.renew, found, clock.now_us() + LEASE_US) == 1
    await local.serve(services, found)
    assert (len(await node.inbox(services, node.KARIM)), await node.inbox(services, node.AMINA)) == (1, [])
    assert await services.db.read(listing.depth) == 0


async def test_a_jump_back_and_forth_leaves_nothing_behind(services, clock):
    await node.queued(services, node.submission(node.KARIM, raw=node.letter("before")))
    found = await leased(services, "a")  # whose worker dies now
    clock.advance(-HOUR_US)
    await node.queued(services, node.submission(node.KARIM, raw=node.letter("meanwhile")))
    await worker.drain(services)
    assert await node.inbox(services, node.KARIM) == [node.letter("meanwhile")]
    clock.advance(HOUR_US + LEASE_US + 1)
    await worker.drain(services)
    assert await node.inbox(services, node.KARIM) == [node.letter("meanwhile"), node.letter("before")]
    assert await services.db.write(queue.renew, found, clock.now_us() + LEASE_US) == 0
    assert await services.db.read(listing.depth) == 0


async def test_a_message_whose_sending_was_overtaken_does_not_go_twice(opener, clock, sink):
    routes = [Route(domain="", host="127.0.0.1", port=sink.port, tls="opportunistic")]
    async with opener(routes, Queue(workers=1)) as services:
        await node.queued(services, node.submission("far@elsewhere.example", node.KARIM))
        until_us = clock.now_us() + LEASE_US
        late = await services.db.write(queue.lease_remote, "a", until_us, 9, [])
        clock.advance(LEASE_US + 1)  # it stands still
        await worker.drain(services)
        peer = remote.Peer(services)
        await remote.serve(peer, late)
        await peer.aclose()
        assert len(sink.transactions) == 1
        assert await services.db.read(listing.depth) == 0


async def test_a_lease_that_was_renewed_counts_beyond_its_first_end(opener, clock, sink):
    routes = [Route(domain="", host="127.0.0.1", port=sink.port, tls="opportunistic")]
    async with opener(routes, Queue(workers=1)) as services:
        await node.queued(services, node.submission("far@elsewhere.example"))
        found = await services.db.write(queue.lease_remote, "a", clock.now_us() + LEASE_US, 9, [])
        clock.advance(LEASE_US + 1)
        await services.db.write(queue.renew, found, clock.now_us() + LEASE_US)
        peer = remote.Peer(services)
        await remote.serve(peer, found)
        await peer.aclose()
        assert len(sink.transactions) == 1
        assert await services.db.read(listing.depth) == 0
