"""SIGKILL from the first octet of a message on until just before its 250: nothing was promised, and nothing half of it is kept."""

import contextlib
import signal

from tests.kill.forks import Forks, Order, drained
from tests.kill.sender import Post, connected
from tests.kill.verdict import verdict
from tests.mailcore.queue.sink import Sink

PLACES = (  # over SMTP, of a large letter
    "spool.after_write:1",  # the first piece of it has come
    "spool.after_write:2",
    "accept.before_blob:1",
    "blob.before_sync:1",
    "blob.before_name:1",
    "blob.after_name:1",
    "accept.after_blob:1",
    "database.before_commit:1",
    "accept.after_commit:1",  # kept, and not yet promised: a client that tries again makes it two
)


async def interrupted(forks: Forks, words: list[str], post: Post, failpoint: str) -> None:
    """Let a node die at a failpoint while it takes letters to people here and elsewhere, and one that is delivered at once."""
    async with forks.child(Order("tests.kill.server", [*words, "hold"])) as child:
        where = await child.port()
        assert await child.ask(f"arm {failpoint}") == "armed"
        with contextlib.suppress(ConnectionError):
            async with connected(where) as client:
                assert await post.letter(client, large=True) == ""
        assert await child.ended() == -signal.SIGKILL


async def test_a_letter_that_was_on_its_way_in_is_there_as_a_whole_or_not_at_all(forks, scenery):
    post = Post()
    async with Sink().listening() as sink:
        words = [str(scenery), "sqlite", str(sink.port)]
        for failpoint in PLACES:
            await interrupted(forks, words, post, failpoint)
        await drained(forks, words)
        assert await verdict(scenery, "sqlite", sink, post.sent, post.acknowledged, 0) == []
    assert (len(post.sent), post.acknowledged) == (len(PLACES), set())
