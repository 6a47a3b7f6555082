"""The command stream, cut into lines. Pure: octets in, lines out, the same lines however the octets were cut.

RFC 5321 §2.3.8: a line ends with CR LF and nothing else; RFC 2920 §3.1 (PIPELINING).
"""


class BareLineFeed(ValueError):
    """A line ends with LF alone."""


class LineTooLong(ValueError):
    """More octets than a command may have, and no end in sight."""


class Lines:
    """What a client has sent and nobody has read yet."""

    def __init__(self) -> None:
        self._octets = b""
        self._at = 0

    def feed(self, octets: bytes) -> None:
        """Add what arrived."""
        self._octets = self._octets[self._at :] + octets
        self._at = 0

    def next(self, limit_bytes: int) -> bytes | None:
        """Return the next line without its CR LF, or None when it is not complete. Raises BareLineFeed, LineTooLong."""
        end = self._octets.find(b"\n", self._at)
        if (end if end >= 0 else len(self._octets)) - self._at > limit_bytes:
            raise LineTooLong
        if end < 0:
            return None
        if end == self._at or self._octets[end - 1] != 0x0D:
            raise BareLineFeed
        line = self._octets[self._at : end - 1]
        self._at = end + 1
        return line

    def begins_with(self, word: bytes) -> bool:
        """Say whether the next line begins with `word`, in whatever case."""
        return self._octets[self._at : self._at + len(word)].upper() == word

    @property
    def complete(self) -> bool:
        """Say whether a whole line is waiting."""
        return self._octets.find(b"\n", self._at) >= 0

    @property
    def waiting_bytes(self) -> int:
        """Return how much is waiting."""
        return len(self._octets) - self._at

    @property
    def empty(self) -> bool:
        """Say whether nothing is waiting."""
        return self._at == len(self._octets)

    def take(self, most_bytes: int | None = None) -> bytes:
        """Return what is waiting, at most so many octets of it, and forget it: they are of a message."""
        if most_bytes is not None and most_bytes < len(self._octets) - self._at:
            start, self._at = self._at, self._at + most_bytes
            return self._octets[start : self._at]
        rest, self._octets, self._at = self._octets[self._at :], b"", 0
        return rest
