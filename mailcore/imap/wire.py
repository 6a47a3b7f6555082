"""Cuts the octets of a connection into commands, with their literals inside, and asks for literals.

RFC 3501 §4.3, RFC 7888 (non-synchronising literals), RFC 9051 §4.3.1 (literal8). Large literals of the commands that
bring messages are handed out as they come and stand in no command: whoever listens puts them into a file.
"""

import re
from dataclasses import dataclass
from typing import Any

LITERAL = re.compile(rb"\{(\d{1,20})(\+?)\}\r?\n\Z")
TAG = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,200}) ")
LITERAL_TAIL = 32  # the longest ending that LITERAL can match
APPEND = re.compile(rb"[^ \r\n]{1,200} +APPEND ", re.IGNORECASE)
BRINGS = re.compile(rb"[^ \r\n]{1,200} +(?:APPEND|REPLACE|UID +REPLACE) ", re.IGNORECASE)  # commands that bring messages
POUR_BYTES = 128 * 1024  # of a large literal handed out at a time


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets that a peer may make us hold: the text of a command, its literals, those of a message, what we skip.

    Messages above `pour` are handed out as they come, and so are all others of a command once it holds twice as much
    (0: none). `brought` bounds the messages of one command together.
    """

    line: int
    literal: int
    append: int
    skip: int
    pour: int = 0
    brought: int = 0


BEFORE = Limits(line=8192, literal=8192, append=8192, skip=0)  # who has not signed in (reference imap.md §7)
LINE_BYTES, LITERAL_BYTES = 65_536, 131_072  # reference imap.md §7
POURED_ABOVE_BYTES = 256 * 1024  # messages above go into a file as they come, smaller ones through memory
BROUGHT = 4  # messages of the largest size that one command may bring (RFC 3502 sets no bound)


def trusted(message_bytes: int) -> Limits:
    """Return the limits of a signed-in client."""
    return Limits(
        LINE_BYTES, LITERAL_BYTES, message_bytes, skip=4 * message_bytes, pour=POURED_ABOVE_BYTES, brought=BROUGHT * message_bytes
    )


@dataclass(frozen=True, slots=True)
class Request:
    """A whole command without its last line break. Literals stand in it as sent: ``{3}``, line break, octets.

    Octets that were handed out are missing from the text; `poured` says where they belong, in the order in which they came,
    and whoever took them puts into `brought` where they are now. `parsed` is for who has read the text already.
    """

    text: bytes
    poured: tuple[int, ...] = ()
    brought: tuple[Any, ...] = ()
    parsed: Any = None


@dataclass(frozen=True, slots=True)
class Continue:
    """The client waits for ``+`` before it sends a literal.

    For a command that brings messages: `text` is the command so far, `size_bytes` all its literals with this one. It may
    be refused then, see `Framer.refuse`.
    """

    text: bytes = b""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Begins:
    """A literal begins that is handed out as it comes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Pours:
    """The next octets of it: POUR_BYTES, or the last ones."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class TooBig:
    """A literal was too big. All of the command that the client sent without asking is skipped."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class Overflow:
    """The peer exceeds what we can skip: the connection must end. Nothing follows this event."""

    why: str = "a line or a literal is too long"


Event = Request | Continue | Begins | Pours | TooBig | Overflow


class Framer:
    """Holds what has arrived and gives events one at a time, so that limits may change between two commands.

    A bare LF ends a line as CRLF does: some clients send it and nothing can be smuggled in IMAP by it.
    """

    __slots__ = (
        "_asked",
        "_begun",
        "_brought",
        "_buffer",
        "_dead",
        "_line",
        "_literals",
        "_places",
        "_pour",
        "_refused",
        "_scan",
        "_skip",
        "_text",
        "limits",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buffer = bytearray()
        self._dead = False
        self._skip = 0  # octets of a refused literal still to come
        self._reset()

    def _reset(self) -> None:
        self._line = 0  # where the current line of the command begins
        self._asked = 0  # where the command ended that the client was asked to go on with
        self._scan = 0  # where to look for its end; beyond the buffer while a literal is coming
        self._text = 0
        self._literals = 0  # octets of literals that are held here
        self._brought = 0  # of literals in all
        self._pour = 0  # octets still to be handed out
        self._begun = True  # whether it was said that they come
        self._places: tuple[int, ...] = ()
        self._refused: bytes | None = None

    @property
    def held(self) -> int:
        """Return how many octets wait here."""
        return len(self._buffer)

    @property
    def awaits(self) -> bool:
        """Say whether the client has announced a literal of which octets are still to come."""
        held = len(self._buffer)
        return self._skip > held or self._scan > held or self._pour > held - self._line

    def feed(self, data: bytes) -> None:
        """Take octets as they arrive; behind what was too much they are nothing any more."""
        if not self._dead:
            self._buffer += data

    def lone(self, data: bytes) -> bytes | None:
        """Return the text of the command that these octets are, when nothing waits here: a whole one, without a literal.

        None for whatever else they are: then they are to be fed.
        """
        end = data.find(b"\n") + 1
        if not 0 < end == len(data) <= self.limits.line or self._buffer or self._refused is not None or self._dead:
            return None
        text = data[:-2] if data.endswith(b"\r\n") else data[:-1]
        return None if text.endswith(b"}") else text

    def discard(self) -> None:
        """Forget everything received: what came before TLS is not to be trusted (RFC 3501 §6.2.1)."""
        self._buffer.clear()
        self._skip = 0
        self._reset()

    def rest(self) -> bytes:
        """Return what waits here behind the last command, and forget it."""
        waiting = bytes(self._buffer)
        self.discard()
        return waiting

    def refuse(self) -> None:
        """Forget the command of the last event, which was Continue: no ``+`` is sent, and no literal comes."""
        del self._buffer[: self._asked]
        self._reset()

    def next(self) -> Event | None:
        """Return the next event, or None when more octets are needed."""
        while self._buffer and not self._dead:
            if self._pour or not self._begun:
                return self._pours()
            if self._skip and not self._skipped():
                return None
            if self._scan > len(self._buffer):
                return None
            end = self._buffer.find(b"\n", self._scan) + 1
            if not end:
                self._scan = len(self._buffer)
                return self._overflow() if self._text + self._scan - self._line > self.limits.line else None
            event = self._take_line(end)
            if event is not None:
                return event
        return None

    def _pours(self) -> Event | None:
        """Hand out the literal that stands behind the text of the command so far."""
        if not self._begun:
            self._begun = True
            return Begins(self._pour)
        count = min(self._pour, POUR_BYTES)
        if len(self._buffer) - self._line < count:
            return None
        octets = bytes(self._buffer[self._line : self._line + count])
        del self._buffer[self._line : self._line + count]
        self._pour -= count
        return Pours(octets)

    def _skipped(self) -> bool:
        count = min(self._skip, len(self._buffer))
        del self._buffer[:count]
        self._skip -= count
        return not self._skip

    def _overflow(self) -> Overflow:
        self._buffer.clear()
        self._dead = True
        return Overflow()

    def _take_line(self, end: int) -> Event | None:
        self._text += end - self._line
        if self._text > self.limits.line:
            return self._overflow()
        found = LITERAL.search(self._buffer[max(self._line, end - LITERAL_TAIL) : end])
        if found is None:
            return self._finish(end)
        return self._announced(end, int(found[1]), waits=not found[2])

    def _finish(self, end: int) -> Event:
        refused, places = self._refused, self._places
        text = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._reset()
        return Request(text.removesuffix(b"\n").removesuffix(b"\r"), places) if refused is None else TooBig(refused)

    def _announced(self, end: int, size: int, *, waits: bool) -> Event | None:
        """Admit or refuse a literal of `size` octets that begins at `end`."""
        brings = BRINGS.match(self._buffer) is not None
        if self._refused is None and self._admits(size, brings=brings):
            self._brought += size
            asked = Continue(bytes(self._buffer[:end]), self._brought) if brings else Continue()
            self._expect(end, size, brings=brings)
            return asked if waits else None
        if self._refused is None:
            found = TAG.match(self._buffer, 0, end)
            self._refused = found[1] if found is not None else b"*"
        del self._buffer[:end]
        if waits:
            refused = self._refused
            self._reset()
            return TooBig(refused)
        if size > self.limits.skip:
            return self._overflow()
        self._skip = size
        self._line = self._scan = 0
        return None

    def _admits(self, size: int, *, brings: bool) -> bool:
        if not brings:
            return self._literals + size <= self.limits.literal
        return size <= self.limits.append and self._brought + size <= max(self.limits.brought, self.limits.append)

    def _expect(self, end: int, size: int, *, brings: bool) -> None:
        """Make ready for a literal: it stays in the buffer, or is handed out."""
        self._asked = end
        if brings and self.limits.pour and (size > self.limits.pour or self._literals + size > 2 * self.limits.pour):
            self._places = (*self._places, end)
            self._pour, self._begun = size, False
            self._line = self._scan = end
        else:
            self._literals += size
            self._line = self._scan = end + size
