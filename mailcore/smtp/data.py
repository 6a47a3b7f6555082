"""The octets after DATA, decoded piece by piece. Pure: the same message however the octets were cut.

RFC 5321 §4.1.1.4 (only CR LF . CR LF ends it), §4.5.2 (dots), §2.3.8 (no bare CR or LF), §4.5.3.1.6 (line length).
"""

TEXT_LINE_BYTES = 2048  # RFC 5321 §4.5.3.1.6 asks for 998; what longer lines become is a matter of the sender
END = b"\r\n.\r\n"


class Decoder:
    """Reads one message. `rest` holds what followed its end, `size_bytes` counts what `feed` returned.

    Nothing but CR LF . CR LF ends a message. `bad` tells of a bare CR, a bare LF or a NUL, `long_line` of a line beyond
    TEXT_LINE_BYTES; both are known for sure only when `done`.
    """

    __slots__ = ("_carry", "_column", "_first", "bad", "done", "long_line", "rest", "size_bytes")

    def __init__(self) -> None:
        self._carry = b"\r\n"  # as if the line before had just ended, so that a first line "." is the end
        self._first = True
        self._column = 0
        self.done = self.bad = self.long_line = False
        self.rest = b""
        self.size_bytes = 0

    def feed(self, octets: bytes) -> bytes:
        """Return the next octets of the message, dots removed. At most four are held back."""
        octets = self._carry + octets
        body = self._cut(octets)
        self._check(body)
        decoded = body.replace(b"\r\n.", b"\r\n")
        if self._first and len(body) >= 2:
            decoded, self._first = decoded[2:], False
        self.size_bytes += len(decoded)
        return decoded

    def _cut(self, octets: bytes) -> bytes:
        end = octets.find(END)
        if end >= 0:
            self.done, self.rest, self._carry = True, octets[end + len(END) :], b""
            return octets[: end + 2]
        cut = octets.find(b"\r", max(0, len(octets) - len(END) + 1))
        cut = len(octets) if cut < 0 else cut
        self._carry = octets[cut:]
        return octets[:cut]

    def _check(self, body: bytes) -> None:
        pairs = body.count(b"\r\n")
        if body.count(b"\r") != pairs or body.count(b"\n") != pairs or b"\0" in body:
            self.bad = True
        at, size = 0, len(body)
        while self._column + size - at > TEXT_LINE_BYTES:
            line_break = body.rfind(b"\r\n", at, at + TEXT_LINE_BYTES - self._column + 2)
            if line_break < 0:
                self.long_line = True
                break
            at, self._column = line_break + 2, 0
        last = body.rfind(b"\n")
        self._column = size - last - 1 if last >= 0 else self._column + size
