"""Both ends of a connection inside COMPRESS=DEFLATE: they stand where its framer and its transport stood. RFC 4978.

What arrives is inflated only as the framer wants more of it, so its limits bound what a short stretch may become: a line, a literal,
a message. Commands beside that are bounded by what they came in.
"""

import asyncio
import re
from typing import Any, cast

from mailcore.imap.deflate import BadStream, Deflater, Inflater
from mailcore.imap.wire import Event, Framer, Limits, Overflow, Request

STEP_BYTES = 16 * 1024  # inflated at a time, as long as lines come
LITERAL_STEP_BYTES = 256 * 1024  # and while a literal comes
RATIO = 30  # octets of commands for one that arrived: a pipeline of thousands that differ in a number reaches 10
FREE_BYTES = 64 * 1024  # beside that: what one line may have
LEAVES = re.compile(rb"[^ ]+ +UNAUTHENTICATE *", re.IGNORECASE)


class Bomb(Exception):
    """A stretch of commands is far longer than anything that a client would say."""


class PackedFramer:
    """A framer whose octets arrive compressed."""

    __slots__ = ("_allowed", "_framer", "_inflater", "_left")

    def __init__(self, framer: Framer) -> None:
        self._framer = framer
        self._inflater = Inflater()
        self._allowed = FREE_BYTES
        self._left = False  # what comes next is not ours: the last command ends the compression, or the connection must end
        self.feed(framer.rest())

    @property
    def limits(self) -> Limits:
        """Return the limits of what has been inflated."""
        return self._framer.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._framer.limits = limits

    @property
    def held(self) -> int:
        """Return how many octets wait here."""
        return self._framer.held + self._inflater.held

    @property
    def awaits(self) -> bool:
        """Say whether the client has announced a literal of which octets are still to come."""
        return self._framer.awaits

    def feed(self, data: bytes) -> None:
        """Take octets as they arrive."""
        self._inflater.feed(data)
        self._allowed = min(self._allowed, FREE_BYTES) + RATIO * len(data)

    def lone(self, data: bytes) -> None:
        """Return nothing: no command can be read from compressed octets as they stand."""

    def discard(self) -> None:
        """Forget everything received."""
        self._framer.discard()
        self._inflater = Inflater()

    def refuse(self) -> None:
        """Forget the command of the last event, which was Continue."""
        self._framer.refuse()

    def next(self) -> Event | None:
        """Return the next event, or None when more octets are needed."""
        while not self._left:
            event = self._framer.next()
            if event is not None:
                self._left = isinstance(event, Request) and LEAVES.fullmatch(event.text) is not None
                return event
            try:
                if not self._inflate():
                    return None
            except (BadStream, Bomb) as error:
                self._left = True
                return Overflow(f"{type(error).__name__}: {error}")
        return None

    def _inflate(self) -> bool:
        """Give the framer more; say whether there was more. Raises BadStream, Bomb."""
        awaits = self._framer.awaits
        octets = self._inflater.inflate(LITERAL_STEP_BYTES if awaits else STEP_BYTES)
        if not awaits:
            self._allowed -= len(octets)
        if self._allowed < 0:
            raise Bomb(f"{len(octets)} octets of commands more than allowed")
        self._framer.feed(octets)
        return bool(octets)

    def unpack(self) -> Framer:
        """Return the framer, with what came behind the compressed octets."""
        self._framer.feed(self._inflater.leave())
        return self._framer


class PackedTransport:
    """A transport that compresses what is written; for everything else it is the one below it."""

    __slots__ = ("_deflater", "below")

    def __init__(self, below: asyncio.Transport) -> None:
        self.below = below
        self._deflater = Deflater()

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        """Send a batch that the client can read at once."""
        self.below.write(self._deflater.deflate(octets))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)


def pack(framer: Framer | PackedFramer, transport: asyncio.Transport) -> tuple[PackedFramer, asyncio.Transport]:
    """Return both ends of a connection as they are inside compression."""
    assert isinstance(framer, Framer)
    return PackedFramer(framer), cast(asyncio.Transport, PackedTransport(transport))


def unpack(framer: Framer | PackedFramer, transport: asyncio.Transport) -> tuple[Framer, asyncio.Transport]:
    """Return both ends of a connection as they were before, if they are inside compression."""
    if isinstance(framer, PackedFramer):
        framer = framer.unpack()
    return framer, transport.below if isinstance(transport, PackedTransport) else transport
