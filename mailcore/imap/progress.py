"""Says now and then that a command is still being carried out. RFC 9585."""

import asyncio
import contextlib

from mailcore.imap.channel import Channel
from mailcore.imap.responses import untagged

LONG_BYTES = 1000  # of an answer that is no longer on its way: from there on nothing comes between its pieces
EVERY_S = 10.0  # RFC 9585 §4: often enough for a client that gives up after half a minute, seldom enough to cost nothing


class Progress:
    """Of one command, from its first moment to its last. How far it is, is not always known."""

    __slots__ = ("_channel", "_done", "_tag", "_timer", "_total")

    def __init__(self, channel: Channel, tag: bytes) -> None:
        self._channel, self._tag = channel, tag
        self._done, self._total = 0, 0
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._tell)

    async def note(self, done: int, total: int) -> None:
        """Take note of how far the command is."""
        self._done, self._total = done, total

    def _tell(self) -> None:
        self._channel.write(written(self._tag, self._done, self._total))
        sending = self._channel.flush()
        with contextlib.suppress(StopIteration, ConnectionError):
            sending.send(None)
            sending.close()  # the client does not keep up: nobody waits until it does
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._tell)

    def end(self) -> None:
        """Say no more."""
        self._timer.cancel()


def written(tag: bytes, done: int, total: int) -> bytes:
    """Write the response; nothing is said of numbers when `total` is 0 (RFC 9585 §3, §5)."""
    state = f"{min(done, total)} {total}" if total else "NIL NIL"
    return untagged("OK", "still at it", f'INPROGRESS ("{tag.decode("ascii")}" {state})')
