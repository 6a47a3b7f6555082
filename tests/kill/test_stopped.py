"""A worker that stands still for longer than its lease, and goes on: others have done its work, and it changes nothing any more."""

import contextlib
import signal

import pytest

from tests.kill.forks import Order
from tests.kill.sender import Post, connected
from tests.kill.verdict import verdict
from tests.mailcore.queue.sink import Sink

PLACES = (
    "lease.after_commit:1",
    "lease.after_commit:2",  # of another lane: threads may stand still in the middle of a transaction
    "deliver.before_commit:1",  # surely in the middle of one, which the server ends
)


@pytest.mark.parametrize("place", PLACES)
async def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(forks, tmp_path, postgres_url, place):
    post = Post()
    async with Sink().listening() as sink:
        words = [str(tmp_path), postgres_url, str(sink.port), "hold"]
        async with contextlib.AsyncExitStack() as stack:
            sleeper = await stack.enter_async_context(forks.child(Order("tests.kill.server", words)))
            async with connected(await sleeper.port()) as client:
                assert (await post.letter(client, large=True)).startswith("250")
            other = await stack.enter_async_context(forks.child(Order("tests.kill.server", words)))
            await other.port()
            assert await sleeper.ask(f"arm {place}:STOP") == "armed"
            sleeper.writer.write(b"deliver\ndrain\nstop\n")
            await sleeper.stands_still()
            assert await other.ask("deliver") == "delivering"
            assert await other.ask("drain") == "drained"
            sleeper.signal(signal.SIGCONT)
            assert await sleeper.ended() == 0
            assert "drained" in sleeper.said
            assert await other.ask("stop") == ""
        assert await verdict(tmp_path, postgres_url, sink, post.sent, post.acknowledged, 0) == []
