"""PostgreSQL dies and comes back while a node accepts and delivers: 451 at worst, nothing is lost, nothing is doubled, workers go on."""

import asyncio

from config import postgres
from tests.kill.forks import Order
from tests.kill.postgres import Server
from tests.kill.sender import Post, connected
from tests.kill.verdict import verdict
from tests.mailcore.queue.sink import Sink

SENDERS = 3
RESTARTS = 2
MORE = 6  # letters acknowledged between two deaths
BOUND_S = 2 * postgres.PATIENCE_S  # for one answer: what it may take, and as much again for a busy machine


class Senders:
    """They go on whatever they are told."""

    def __init__(self, post: Post, port: int) -> None:
        self.post, self.port = post, port
        self.stopping = False
        self._heard = asyncio.Condition()

    async def send(self) -> None:
        """Send letters until told to stop."""
        async with connected(self.port) as client:
            while not self.stopping:
                await self.post.letter(client)
                async with self._heard:
                    self._heard.notify_all()

    async def until(self, acknowledged: int) -> None:
        """Wait until so many letters were acknowledged."""
        async with self._heard:
            await self._heard.wait_for(lambda: len(self.post.acknowledged) >= acknowledged)


async def test_a_database_that_dies_and_comes_back(forks, tmp_path, postgres_url):
    post, server = Post(), Server(postgres_url)
    async with Sink().listening() as sink:
        async with forks.child(Order("tests.kill.server", [str(tmp_path), postgres_url, str(sink.port)])) as child:
            senders = Senders(post, await child.port())
            async with asyncio.TaskGroup() as group:
                for _ in range(SENDERS):
                    group.create_task(senders.send())
                for _ in range(RESTARTS):
                    await senders.until(len(post.acknowledged) + MORE)
                    await asyncio.to_thread(server.die)
                    await asyncio.to_thread(server.come_back)
                await senders.until(len(post.acknowledged) + MORE)
                senders.stopping = True
            assert await child.ask("drain") == "drained"
            assert await child.ask("stop") == ""
        assert child.status == 0
        assert {said[:3] for said in post.replies.values()} <= {"250", "451"}
        assert await verdict(tmp_path, postgres_url, sink, post.sent, post.acknowledged, 0) == []


async def test_while_the_database_is_away_a_sender_is_told_to_come_again_soon(forks, tmp_path, postgres_url):
    post, server = Post(), Server(postgres_url)
    async with Sink().listening() as sink:
        async with forks.child(Order("tests.kill.server", [str(tmp_path), postgres_url, str(sink.port)])) as child:
            async with connected(await child.port()) as client:
                assert (await post.letter(client, number=2)).startswith("250")
                await asyncio.to_thread(server.die)
                try:
                    async with asyncio.timeout(BOUND_S):
                        said = await post.letter(client, number=5)
                finally:
                    await asyncio.to_thread(server.come_back)
                assert said == "451 4.3.0 the database does not answer, try again later"
                while not (await post.letter(client, number=8)).startswith("250"):
                    pass
            assert await child.ask("drain") == "drained"
            assert await child.ask("stop") == ""
        assert await verdict(tmp_path, postgres_url, sink, post.sent, post.acknowledged, 0) == []
