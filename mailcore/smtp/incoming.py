"""A message on its way in: decoded as it arrives, held within bounds, or only counted once it will be refused. Pure.

RFC 5321 §4.5.3.1.10 (552), RFC 1870 §6.
"""

from mailcore.smtp.data import Decoder
from mailcore.smtp.gate import Memory
from mailcore.smtp.limits import Limits
from mailcore.smtp.reply import BARE_LINE_BREAK, LONG_TEXT_LINE, NO_MEMORY, TOO_BIG, Reply


class Incoming:
    """The octets of one message so far. What it holds is taken from `memory` until `release`."""

    def __init__(self, limits: Limits, memory: Memory) -> None:
        self._limits, self._memory = limits, memory
        self._decoder = Decoder()
        self._refusal: Reply | None = None
        self._held_bytes = 0
        self.pieces: list[bytes] = []
        self.wire_bytes = 0

    def feed(self, octets: bytes) -> bool:
        """Take what arrived; return whether the message is complete."""
        self.wire_bytes += len(octets)
        decoded = self._decoder.feed(octets)
        if self._refusal is None:
            self._hold(decoded)
        return self._decoder.done

    def _hold(self, decoded: bytes) -> None:
        if self._decoder.bad:
            self._refuse(BARE_LINE_BREAK)
        elif self._decoder.long_line:
            self._refuse(LONG_TEXT_LINE)
        elif self._decoder.size_bytes > self._limits.message_bytes:
            self._refuse(TOO_BIG)
        elif not self._memory.take(len(decoded)):
            self._refuse(NO_MEMORY)
        else:
            self._held_bytes += len(decoded)
            self.pieces.append(decoded)

    def _refuse(self, reply: Reply) -> None:
        self._refusal = reply
        self.release()

    def release(self) -> None:
        """Forget the octets and give their memory back."""
        self.pieces.clear()
        self._memory.give(self._held_bytes)
        self._held_bytes = 0

    @property
    def endless(self) -> bool:
        """Say whether so much has come that waiting for the end is no longer reasonable."""
        return self.wire_bytes > self._limits.message_bytes + self._limits.slack_bytes

    @property
    def refusal(self) -> Reply | None:
        """Return why the message cannot be taken; None while it can."""
        return BARE_LINE_BREAK if self._decoder.bad else self._refusal

    @property
    def rest(self) -> bytes:
        """Return what followed the end of the message."""
        return self._decoder.rest
