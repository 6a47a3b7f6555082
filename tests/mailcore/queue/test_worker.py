import asyncio

import pytest

from config.clock import DAY_US, MINUTE_US, SECOND_US
from config.settings import Queue, Route
from mailcore import keep
from mailcore.queue import destinations, listing, local, queue, turns, worker
from mailcore.queue.flow import Flow
from mailcore.queue.settle import Outcome, settle
from mailcore.queue.traffic import Traffic
from mailcore.queue.types import Reply
from mailcore.store.types import AccountId
from tests import servers
from tests.mailcore.queue import sink as peer_sink
from tests.mailcore.queue.node import AMINA, KARIM, inbox, letter, queued, submission


async def settled(services):
    """Wait until the queue is empty."""
    async with asyncio.timeout(20):
        with services.store.bus.subscribe(AccountId(0)) as hints:
            while await services.db.read(listing.depth):
                await hints.wait(0.05)


async def test_the_role_delivers_what_comes_while_it_runs(services):
    sent = [letter(str(n)) for n in range(30)]
    async with worker.deliver(services):
        await asyncio.gather(*(queued(services, submission(KARIM, raw=raw)) for raw in sent))
        await settled(services)
    assert sorted(await inbox(services, KARIM)) == sorted(sent)


async def test_the_role_delivers_what_was_there_before_it_started(services):
    await queued(services, submission(AMINA, KARIM))
    async with worker.deliver(services):
        await settled(services)
    assert len(await inbox(services, AMINA)) == len(await inbox(services, KARIM)) == 1


async def test_two_roles_on_one_database_deliver_each_message_once(services):
    sent = [letter(str(n)) for n in range(40)]
    async with worker.deliver(services), worker.deliver(services):
        await asyncio.gather(*(queued(services, submission(AMINA, KARIM, raw=raw)) for raw in sent))
        await settled(services)
    assert sorted(await inbox(services, KARIM)) == sorted(await inbox(services, AMINA)) == sorted(sent)


async def test_local_mail_passes_a_destination_that_hangs(opener, sink, monkeypatch):
    monkeypatch.setattr(worker, "GRACE_S", 0.01)
    stuck = asyncio.Event()

    async def hang(reader, writer):
        stuck.set()
        await reader.read()

    async with servers.serving(hang) as port:
        routes = [
            Route(domain="hangs.example", host="127.0.0.1", port=port, tls="opportunistic"),
            Route(domain="", host="127.0.0.1", port=sink.port, tls="opportunistic"),
        ]
        async with opener(routes=routes, queue=Queue(workers=2, per_destination=1)) as services:
            for n in range(60):
                await queued(services, submission(f"u{n}@hangs.example"))
            async with worker.deliver(services):
                async with asyncio.timeout(20):
                    await stuck.wait()
                await queued(services, submission(KARIM, "x@elsewhere.example"))
                with services.store.bus.subscribe(AccountId(0)) as hints:
                    async with asyncio.timeout(20):
                        while not (sink.transactions and await inbox(services, KARIM)):
                            await hints.wait(0.05)


async def test_silent_destinations_do_not_keep_mail_for_others_waiting(opener, sink, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE_S", 0.1)
    came = asyncio.Semaphore(0)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.release()
        await reader.read()

    async with servers.serving(say_nothing) as port:
        routes = [Route(".silent.example", "127.0.0.1", port, tls="opportunistic"), Route("", "127.0.0.1", sink.port, tls="opportunistic")]
        async with opener(routes=routes, queue=Queue(workers=2)) as services:
            monkeypatch.setattr(worker, "GRACE_S", 0.1)
            async with worker.deliver(services), asyncio.timeout(20):
                for number in range(3):
                    await queued(services, submission(f"x@{number}.silent.example"))
                    await came.acquire()
                await queued(services, submission("y@elsewhere.example"))
                with services.store.bus.subscribe(AccountId(0)) as hints:
                    while not sink.transactions:
                        await hints.wait(0.05)
            assert len(await services.db.read(listing.listing)) == 3


async def test_a_destination_that_failed_holds_others_up_for_less(opener, sink, monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE_S", 100.0)
    monkeypatch.setattr(turns, "TROUBLED_S", 0.1)
    monkeypatch.setattr(worker, "GRACE_S", 0.1)
    hangs = peer_sink.Sink(stalls=b"EHLO")
    async with hangs.listening():
        routes = [
            Route(".silent.example", "127.0.0.1", hangs.port, tls="opportunistic"),
            Route("", "127.0.0.1", sink.port, tls="opportunistic"),
        ]
        async with opener(routes=routes, queue=Queue(workers=1)) as services:
            for number in range(3):
                domain = f"{number}.silent.example"
                await services.db.write(destinations.note, domain, Flow(failures=1, since_us=services.clock.now_us(), reason="lost"))
                await queued(services, submission(f"x@{domain}"))
            async with worker.deliver(services), asyncio.timeout(20):
                await queued(services, submission("y@elsewhere.example"))
                with services.store.bus.subscribe(AccountId(0)) as hints:
                    while not sink.transactions:
                        await hints.wait(0.05)
            assert hangs.connections == 3


async def test_a_bug_in_an_attempt_postpones_and_is_logged(services, monkeypatch):
    async def broken(*_):
        raise RuntimeError("bug")

    monkeypatch.setattr(local, "_write", broken)
    await queued(services, submission(KARIM))
    await worker.drain(services)
    [row] = await services.db.read(listing.listing)
    assert (row.last_text, row.lease_owner) == (str(worker.INTERNAL), "")


async def test_a_stopping_role_gives_its_leases_back(services):
    await queued(services, submission(KARIM))
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(leases):
        started.set()
        await release.wait()

    lane = worker.Lane(services, "me/local", queue.LOCAL)
    with services.store.bus.subscribe(AccountId(0)) as hints:
        task = asyncio.create_task(worker._work(lane, slow, hints, asyncio.Event(), turns.Turns(1)))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await services.db.write(queue.release, "me/local")
    [row] = await services.db.read(listing.listing)
    assert (row.lease_owner, row.due_us) == ("", services.clock.now_us())


async def test_leases_of_a_dead_process_are_taken_back_at_once_on_sqlite_and_at_their_end_elsewhere(services, clock):
    await queued(services, submission(KARIM))
    await services.db.write(queue.lease_local, "dead", clock.now_us() + 300 * SECOND_US, 10)
    if services.db.engine != "sqlite":
        clock.advance(300 * SECOND_US)
    async with worker.deliver(services):
        await settled(services)
    assert len(await inbox(services, KARIM)) == 1


async def test_a_destination_that_cannot_be_reached_rests_and_is_tried_again(opener, clock, sink):
    routes = [Route(domain="", host="127.0.0.1", port=sink.port, tls="opportunistic")]
    async with opener(routes=routes, queue=Queue(rest_after=2)) as services:
        traffic = Traffic(services)
        lane = worker.Lane(services, "me/remote", queue.REMOTE, traffic)
        gone = Reply(451, "4.4.1", "no connection to far.example")
        tried = []

        async def carry(leases):
            tried.append(len(leases))
            await settle(services, [Outcome(lease, gone if len(tried) < 4 else Reply(250, "2.0.0", "ok")) for lease in leases])

        async def turn(minutes):
            clock.advance(minutes * MINUTE_US)
            await worker._carry(lane, carry, await lane.lease())
            return await services.db.read(destinations.troubled)

        await queued(services, submission("a@far.example"))
        [known] = await turn(0)
        assert (known.failures, known.rest_us) == (1, 0)
        [known] = await turn(10)
        assert known.rest_us > clock.now_us()
        await queued(services, submission("b@far.example"))
        assert await turn(0) == [known]  # put off with the reason, without a connection
        assert len(tried) == 2
        [row] = [one for one in await services.db.read(listing.listing) if one.address == "b@far.example"]
        assert "left alone" in row.last_text
        assert "no connection to far.example" in row.last_text
        [known] = await turn(30)  # the probe
        assert (len(tried), known.failures) == (3, 3)
        again = Traffic(services)
        await again.load()
        assert again.rests("far.example") is not None
        assert await turn(60) == []
        assert (await services.db.read(listing.depth), len(tried)) == (0, 4)


async def test_a_destination_that_nobody_writes_to_any_more_is_forgotten(services, clock):
    for lane, since_us in (("gone.example", clock.now_us()), ("back.example", clock.now_us() + 11 * DAY_US)):
        await services.db.write(destinations.note, lane, Flow(failures=5, since_us=since_us, rest_us=since_us, reason="no connection"))
    assert await keep.JOBS["queue.swept"](services) == {"destinations": 0}
    clock.advance(11 * DAY_US)
    assert await keep.JOBS["queue.swept"](services) == {"destinations": 1}
    assert [each.lane for each in await services.db.read(destinations.troubled)] == ["back.example"]
