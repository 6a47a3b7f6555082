"""Cuts the octets of a connection into commands, with their literals inside, and asks for literals. RFC 3501 §4.3, RFC 7888."""

import re
from dataclasses import dataclass

LITERAL = re.compile(rb"\{(\d{1,20})(\+?)\}\r?\n\Z")
TAG = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,200}) ")
LITERAL_TAIL = 32  # the longest ending that LITERAL can match
APPEND = re.compile(rb"[^ \r\n]{1,200} +APPEND ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets that a peer may make us hold: the text of a command, its literals, those of APPEND, what we skip."""

    line: int
    literal: int
    append: int
    skip: int


@dataclass(frozen=True, slots=True)
class Request:
    """A whole command without its last line break. Literals stand in it as sent: ``{3}``, line break, octets."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Continue:
    """The client waits for ``+`` before it sends a literal."""


@dataclass(frozen=True, slots=True)
class TooBig:
    """A literal was too big. All of the command that the client sent without asking is skipped."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class Overflow:
    """The peer exceeds what we can skip: the connection must end. Nothing follows this event."""


Event = Request | Continue | TooBig | Overflow


class Framer:
    """Holds what has arrived and gives events one at a time, so that limits may change between two commands.

    A bare LF ends a line as CRLF does: some clients send it and nothing can be smuggled in IMAP by it.
    """

    __slots__ = ("_buffer", "_dead", "_line", "_literals", "_refused", "_scan", "_skip", "_text", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buffer = bytearray()
        self._dead = False
        self._skip = 0  # octets of a refused literal still to come
        self._reset()

    def _reset(self) -> None:
        self._line = 0  # where the current line of the command begins
        self._scan = 0  # where to look for its end; beyond the buffer while a literal is coming
        self._text = 0
        self._literals = 0
        self._refused: bytes | None = None

    @property
    def held(self) -> int:
        """Return how many octets wait here."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take octets as they arrive."""
        self._buffer += data

    def discard(self) -> None:
        """Forget everything received: what came before TLS is not to be trusted (RFC 3501 §6.2.1)."""
        self._buffer.clear()
        self._skip = 0
        self._reset()

    def next(self) -> Event | None:
        """Return the next event, or None when more octets are needed."""
        while not self._dead:
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
        refused = self._refused
        text = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._reset()
        return Request(text.removesuffix(b"\n").removesuffix(b"\r")) if refused is None else TooBig(refused)

    def _announced(self, end: int, size: int, *, waits: bool) -> Event | None:
        """Admit or refuse a literal of `size` octets that begins at `end`."""
        if self._refused is None and self._literals + size <= self._allowance():
            self._literals += size
            self._line = self._scan = end + size
            return Continue() if waits else None
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

    def _allowance(self) -> int:
        return self.limits.append if APPEND.match(self._buffer) else self.limits.literal
