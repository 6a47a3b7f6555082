"""A message on its way in: decoded as it arrives, a large one into a file, or only counted once it will be refused.

RFC 5321 §4.5.3.1.10 (552), RFC 1870 §6, RFC 3030 §2 (the octets of a refused chunk are read all the same).
"""

import asyncio
from pathlib import Path

from mailcore.smtp.data import Chunks, Decoder
from mailcore.smtp.limits import Limits
from mailcore.smtp.memory import Memory
from mailcore.smtp.reply import BARE_LINE_BREAK, LONG_TEXT_LINE, NO_MEMORY, NO_ROOM, TOO_BIG, Reply
from mailcore.spool import SPOOLED_BYTES, Spool, Spooled
from mailcore.store.sealing import Content

MAX_PIECES = 1024  # held apart: an object weighs forty octets, and a client may send two at a time


class Incoming:
    """The octets of one message so far. What it holds is taken from `memory` until `release`; what is more goes into a file.

    `last` says that with the end of what is being read the message is complete: only a chunk of BDAT may be followed by another.
    """

    __slots__ = ("_decoder", "_held_bytes", "_limits", "_memory", "_pieces", "_refusal", "_spooled", "last", "told", "wire_bytes")

    def __init__(self, limits: Limits, memory: Memory, decoder: Decoder | Chunks | None = None, refusal: Reply | None = None) -> None:
        self._limits, self._memory = limits, memory
        self._decoder = Decoder() if decoder is None else decoder
        self._refusal = refusal
        self._held_bytes = 0
        self._pieces: list[bytes] = []
        self._spooled: Spooled | None = None
        self.wire_bytes = 0
        self.last = True
        self.told = False  # the client knows of the refusal

    def begin_chunk(self, size_bytes: int, *, last: bool) -> None:
        """Expect a chunk of BDAT."""
        assert isinstance(self._decoder, Chunks)
        self._decoder.begin(size_bytes)
        self.last = last

    def feed(self, octets: bytes) -> bool:
        """Take what arrived; return whether the message, or the chunk of it, is complete."""
        decoder = self._decoder
        self.wire_bytes += len(octets)
        decoded = decoder.feed(octets)
        done = decoder.done
        if done and self.last and isinstance(decoder, Chunks):
            decoder.finish()
        if self._refusal is None:
            self._hold(decoded)
        return done

    def _hold(self, decoded: bytes) -> None:
        decoder = self._decoder
        if decoder.text.bad:
            self._refuse(BARE_LINE_BREAK)
        elif decoder.text.long_line:
            self._refuse(LONG_TEXT_LINE)
        elif decoder.size_bytes > self._limits.message_bytes:
            self._refuse(TOO_BIG)
        elif not self._memory.take(len(decoded)):
            self._refuse(NO_MEMORY)
        elif decoded:
            self._held_bytes += len(decoded)
            self._pieces.append(decoded)
            if len(self._pieces) >= MAX_PIECES:
                self._pieces = [b"".join(self._pieces)]

    def _refuse(self, reply: Reply) -> None:
        self._refusal = reply
        self.release()

    def release(self) -> None:
        """Forget the octets and give their memory back."""
        self._pieces.clear()
        self._spooled = None
        self._memory.give(self._held_bytes)
        self._held_bytes = 0

    @property
    def wanted(self) -> int | None:
        """Return how many octets are to come, None when nobody knows."""
        return self._decoder.wanted

    @property
    def full(self) -> bool:
        """Say whether so much is held that it should be poured into a file."""
        return self._held_bytes >= SPOOLED_BYTES

    async def pour(self, directory: Path) -> None:
        """Write what is held into a file, in a thread. When the disk is full, the message is refused for now."""
        if self._pieces:
            octets = b"".join(self._pieces)
            self._pieces.clear()
            spooled = await asyncio.get_running_loop().run_in_executor(None, _write, self._spooled, octets, directory)
            self._memory.give(self._held_bytes)
            self._held_bytes = 0
            self._spooled = spooled
        if self._spooled is not None and self._spooled.failed:
            self._refuse(NO_ROOM)

    async def content(self, directory: Path) -> Content:
        """Return the complete message: its octets, or the file that they are in. Raises NoRoom, Unavailable."""
        if self._spooled is None:
            return b"".join(self._pieces)
        await self.pour(directory)
        return self._whole().octets()

    async def behind(self, front: bytes, at: int = 0) -> Content:
        """Return `front` and, as it came, the message from `at` on. Raises NoRoom, Unavailable."""
        if self._spooled is None:
            return b"%b%b" % (front, b"".join(self._pieces)[at:]) if at else b"".join((front, *self._pieces))
        made = await asyncio.get_running_loop().run_in_executor(None, self._whole().behind, front, at)
        return made.octets()

    def _whole(self) -> Spooled:
        if self._spooled is None:
            raise RuntimeError("the message was released")
        return self._spooled

    @property
    def endless(self) -> bool:
        """Say whether so much has come that waiting for the end is no longer reasonable."""
        return self.wire_bytes > self._limits.message_bytes + self._limits.slack_bytes

    @property
    def refusal(self) -> Reply | None:
        """Return why the message cannot be taken; None while it can."""
        return BARE_LINE_BREAK if self._decoder.text.bad else self._refusal

    @property
    def rest(self) -> bytes:
        """Return what followed the end of the message."""
        return self._decoder.rest


def _write(spooled: Spooled | None, octets: bytes, directory: Path) -> Spooled:
    spooled = Spool(directory).begin() if spooled is None else spooled
    spooled.write(octets)
    return spooled
