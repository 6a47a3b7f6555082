"""Slow strangers on real sockets: whatever they do, mail for others goes on."""

import asyncio
import contextlib
import dataclasses

import msgspec
import pytest

from config.networks import site
from config.settings import Queue, Route, Routing
from directory import organisations
from directory.manifest import topology
from mailcore import dns
from mailcore.queue import listing, remote, sending, turns, worker
from mailcore.queue.visits import Visits
from mailcore.store.types import AccountId
from tests import servers
from tests.mailcore.queue.node import queued, submission
from tests.mailcore.queue.sink import Sink
from tests.peers.dns import serving

GOOD = "elsewhere.example"


@pytest.fixture
def database_url():
    """The peers are the matter here: one engine is enough."""
    return "sqlite"


class Slow:
    """Answers a greeting and then nothing, at addresses of loopback; counts who is there at once."""

    def __init__(self, pause_s=None):
        self.pause_s, self.most = pause_s, 0
        self.here = set()
        self.came = asyncio.Semaphore(0)

    @contextlib.asynccontextmanager
    async def listening(self, hosts, port):
        async with servers.serving(self._serve, hosts, port):
            yield self

    async def _serve(self, reader, writer):
        self.here.add(asyncio.current_task())
        self.most = max(self.most, len(self.here))
        with contextlib.suppress(ConnectionError):
            await self._session(reader, writer)
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.here.discard(asyncio.current_task())

    async def _session(self, reader, writer):
        writer.write(b"220 slow\r\n")
        self.came.release()
        while await reader.readline() and self.pause_s is not None:
            await asyncio.sleep(self.pause_s)
            writer.write(b"250 fine\r\n")
        await reader.read()


def zone(slow):
    """A good host, and domains with slow ones: {domain: address}."""
    records = {(GOOD, "MX"): ["10 mx.elsewhere.example."], ("mx.elsewhere.example", "A"): ["127.0.0.1"]}
    for domain, address in slow.items():
        records |= {(domain, "MX"): [f"10 mx.{domain}."], (f"mx.{domain}", "A"): [address]}
    return records


@contextlib.asynccontextmanager
async def delivering(services, records, port, limits):
    """The role at work, with hosts on loopback."""
    async with serving(records) as names:
        resolver = dns.system_resolver(names.settings)
        peer = remote.Peer(services, resolver, lambda address: True, port=port, visits=limits)
        async with worker.deliver(services, peer), asyncio.timeout(20):
            yield


async def until(services, done):
    with services.store.bus.subscribe(AccountId(0)) as hints:
        while not done():
            await hints.wait(0.05)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr(worker, "GRACE_S", 0.1)
    monkeypatch.setattr(turns, "PATIENCE_S", 0.1)
    monkeypatch.setattr(turns, "MAX_SLOW", 3)


async def reasons(services):
    return [row.last_text for row in await services.db.read(listing.listing)]


async def test_slow_hosts_of_many_addresses_end_for_others(opener, sink):
    bad = {f"bad{n}.example": f"127.0.0.{n + 2}" for n in range(8)}
    slow = Slow()
    async with slow.listening(list(bad.values()), sink.port), opener(queue=Queue(workers=1)) as services:
        for domain in bad:
            await queued(services, submission(f"x@{domain}"))
        async with delivering(services, zone(bad), sink.port, Visits(2)):
            await slow.came.acquire()
            await queued(services, submission(f"y@{GOOD}"))
            await until(services, lambda: sink.transactions)
        said = await reasons(services)
        assert len(said) == 8
        assert any("it lasted too long while others wait" in each for each in said)
    assert slow.most <= 2 + 1 + 1  # those that last, the one that counts, one that is just going


async def test_one_address_with_many_domains_holds_no_more_sessions_than_it_may(opener, sink):
    bad = {f"bad{n}.example": "127.0.0.2" for n in range(8)}
    slow = Slow()
    async with slow.listening(["127.0.0.2"], sink.port), opener(queue=Queue(workers=1)) as services:
        for domain in bad:
            await queued(services, submission(f"x@{domain}"))
        async with delivering(services, zone(bad), sink.port, Visits(100, 2)):
            await slow.came.acquire()
            await queued(services, submission(f"y@{GOOD}"))
            await until(services, lambda: sink.transactions)
        said = await reasons(services)
    crowded = "451 4.4.5 as many sessions with mx.bad"
    assert sum(each.startswith(crowded) for each in said) >= 4
    assert slow.most <= 2 + 1


async def test_mail_to_nodes_has_workers_that_no_stranger_gets(opener, sink, monkeypatch):
    monkeypatch.setattr(turns, "MAX_SLOW", 1)
    bad = {f"bad{n}.example": f"127.0.0.{n + 2}" for n in range(4)}
    slow = Slow()
    async with slow.listening(list(bad.values()), sink.port), opener(queue=Queue(workers=1)) as opened:
        settings = msgspec.structs.replace(opened.settings, routing=Routing(outside="direct"))
        routed = msgspec.structs.replace(settings, routes=[Route("node.example", "127.0.0.1", sink.port, tls="opportunistic")])
        services = dataclasses.replace(opened, settings=routed)
        await services.db.write(_topology)
        for domain in bad:
            await queued(services, submission(f"x@{domain}"))
        async with delivering(services, zone(bad), sink.port, Visits(100)):
            for _ in range(2):
                await slow.came.acquire()
            await queued(services, submission(f"y@{GOOD}"))
            await queued(services, submission("z@node.example"))
            await until(services, lambda: sink.transactions)
            assert len(slow.here) == 2
        assert [each.rcpts for each in sink.transactions] == [[b"RCPT TO:<z@node.example>"]]


def _topology(tx):
    organisation = organisations.create(tx, "ministry", "node", "وزارة", "Ministère")
    topology.add(tx, "node", organisation.organisation_id, "online", "mx.node.example", "h:1", "h:2", bytes(32), ["node.example"])


@pytest.mark.parametrize("stranger", [True, False])
async def test_a_message_that_takes_too_long_is_ended_and_comes_again(opener, monkeypatch, stranger):
    monkeypatch.setattr(sending, "TRANSACTION_S", 0.3)
    slow, sink = Slow(pause_s=0.1), Sink()
    async with sink.listening(), slow.listening(["127.0.0.2"], sink.port):
        route = Route("bad.example", "127.0.0.2", sink.port, tls="opportunistic")
        async with opener(routes=[] if stranger else [route]) as services, serving(zone({"bad.example": "127.0.0.2"})) as names:
            await queued(services, submission(*(f"x{n}@bad.example" for n in range(20))))
            resolver = dns.system_resolver(names.settings)
            peer = remote.Peer(services, resolver, lambda address: True, port=sink.port)
            async with contextlib.aclosing(peer), asyncio.timeout(20):
                await remote.serve(peer, await services.db.write(remote.queue.lease_remote, "me", services.clock.now_us() + 10**9, 50, ()))
            assert set(await reasons(services)) == {"451 4.4.2 the connection broke: the message took too long"}
            assert len(peer.connecting.visits) == 0


async def test_a_journey_that_takes_too_long_leaves_the_rest_for_later(opener, sink, monkeypatch):
    monkeypatch.setattr(remote, "JOURNEY_S", 0.0)
    async with opener() as services, serving(zone({})) as names:
        for _ in range(3):
            await queued(services, submission(f"x@{GOOD}"))
        resolver = dns.system_resolver(names.settings)
        async with contextlib.aclosing(remote.Peer(services, resolver, lambda address: True, port=sink.port)) as peer:
            await remote.serve(peer, await services.db.write(remote.queue.lease_remote, "me", services.clock.now_us() + 10**9, 50, ()))
        assert set(await reasons(services)) == {str(remote.LASTED)}
    assert sink.transactions == []


async def test_what_only_owes_its_answer_ends_last():
    ended = []
    limits = Visits(2)
    made = [limits.begin(f"192.0.2.{n}", lambda why, n=n: ended.append(n)) for n in range(4)]
    made[0].concluding = True
    for each in made:
        limits.last(each)
    assert ended == [1, 2]
    for each in made:
        each.end()
    assert (len(limits), limits._at) == (0, {})


def test_addresses_of_one_machine_count_together():
    assert site("2001:db8:1:2::1") == site("2001:db8:1:2:ffff::9") != site("2001:db8:1:3::1")
    assert site("192.0.2.1") != site("192.0.2.2")
