"""A database that goes away while a worker has mail in hand."""

import asyncio
import contextlib

import pytest

from config import postgres
from config.clock import HOUR_US
from config.engines import open_database
from config.errors import DatabaseUnreachable
from mailcore.queue import arrears, listing, local, queue, settle, worker
from mailcore.queue.settle import Outcome
from mailcore.queue.types import Reply
from tests.kill.postgres import Server
from tests.mailcore.queue import node
from tests.mailcore.queue.node import AMINA, KARIM, inbox, letter, queued, submission
from tests.mailcore.wrapper import AesWrapper


async def test_mail_in_hand_is_delivered_once_when_it_is_back(tmp_path, clock, postgres_url, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "PATIENCE_S", 0.2)
    monkeypatch.setattr(local, "PAUSE_S", 0.1)
    server, db = Server(postgres_url), await open_database(postgres_url, tmp_path, clock)
    async with node.opened(node.settings(tmp_path, postgres_url), db, clock, AesWrapper()) as services:
        await queued(services, submission(AMINA, KARIM))
        leases = await db.write(queue.lease_local, "worker", clock.now_us() + HOUR_US, 50)
        assert len(leases) == 2
        await asyncio.to_thread(server.die)
        try:
            serving = asyncio.create_task(local.serve(services, leases))
            assert not (await asyncio.wait([serving], timeout=1))[0]  # it has tried some times
        finally:
            await asyncio.to_thread(server.come_back)
        async with asyncio.timeout(20):
            await serving
        assert [await inbox(services, each) for each in (AMINA, KARIM)] == [[letter()], [letter()]]
        assert await db.read(listing.depth) == 0
    await db.close()


async def test_what_is_done_but_not_written_is_not_leased_again_when_its_lease_ends(tmp_path, clock, postgres_url, monkeypatch):
    monkeypatch.setattr(postgres, "PATIENCE_S", 0.2)
    monkeypatch.setattr(settle, "PAUSE_S", 0.5)
    server, db = Server(postgres_url), await open_database(postgres_url, tmp_path, clock)
    async with node.opened(node.settings(tmp_path, postgres_url), db, clock, AesWrapper()) as services:
        await queued(services, submission("far@elsewhere.example"))
        lane = worker.Lane(services, "worker", queue.REMOTE)
        leases = await lane.lease()
        await asyncio.to_thread(server.die)
        try:
            settling = asyncio.create_task(settle.settle(services, [Outcome(lease, Reply(250, "2.0.0", "taken")) for lease in leases]))
            assert not (await asyncio.wait([settling], timeout=0.3))[0]
            assert arrears.of(services)
        finally:
            await asyncio.to_thread(server.come_back)
        clock.advance(HOUR_US)
        while not settling.done():  # until then others look, and take nothing
            with contextlib.suppress(DatabaseUnreachable):
                assert await lane.lease() == []
        await settling
        assert not arrears.of(services)
        assert await db.read(listing.depth) == 0
    await db.close()
