"""A database that goes away while a worker has mail in hand."""

import asyncio

import pytest

from config import postgres
from config.clock import HOUR_US
from config.engines import open_database
from mailcore.queue import listing, local, queue
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
