"""The octets after DATA and BDAT, decoded piece by piece. Pure: the same message however the octets were cut.

RFC 5321 §4.1.1.4 (only CR LF . CR LF ends DATA), §4.5.2 (dots), §2.3.8 (no bare CR or LF), §4.5.3.1.6 (line length);
RFC 3030 §2 (BDAT: as many octets as were announced), §3 (BINARYMIME: any octets).
"""

TEXT_LINE_BYTES = 2048  # RFC 5321 §4.5.3.1.6 asks for 998; what longer lines become is a matter of the sender
END = b"\r\n.\r\n"
DOT = END[:3]  # at the beginning of a line


class Text:
    """Looks whether octets are lines. `bad` tells of a bare CR, a bare LF or a NUL, `long_line` of one beyond TEXT_LINE_BYTES."""

    __slots__ = ("_column", "bad", "long_line")

    def __init__(self) -> None:
        self._column = 0
        self.bad = self.long_line = False

    def check(self, body: bytes) -> None:
        """Look at the next octets; none of them parts a CR from its LF."""
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


class Decoder:
    """Reads one message after DATA. `rest` holds what followed its end, `size_bytes` counts what `feed` returned.

    Nothing but CR LF . CR LF ends a message. What `text` says is known for sure only when `done`.
    """

    __slots__ = ("_carry", "_first", "done", "rest", "size_bytes", "text")

    def __init__(self) -> None:
        self._carry = b"\r\n"  # as if the line before had just ended, so that a first line "." is the end
        self._first = True
        self.text = Text()
        self.done = False
        self.rest = b""
        self.size_bytes = 0

    def feed(self, octets: bytes) -> bytes:
        """Return the next octets of the message, dots removed. At most four are held back."""
        octets = self._carry + octets
        dot = octets.find(DOT)
        body = self._cut(octets, dot)
        self.text.check(body)
        decoded = body.replace(DOT, b"\r\n") if 0 <= dot < len(body) - 2 else body
        if self._first and len(body) >= 2:
            decoded, self._first = decoded[2:], False
        self.size_bytes += len(decoded)
        return decoded

    def _cut(self, octets: bytes, dot: int) -> bytes:
        end = octets.find(END, dot) if dot >= 0 else -1
        if end >= 0:
            self.done, self.rest, self._carry = True, octets[end + len(END) :], b""
            return octets[: end + 2]
        cut = octets.find(b"\r", max(0, len(octets) - len(END) + 1))
        cut = len(octets) if cut < 0 else cut
        self._carry = octets[cut:]
        return octets[:cut]

    @property
    def wanted(self) -> None:
        """Say that nobody knows how many octets are to come."""
        return None


class Chunks:
    """Reads one message in the chunks of BDAT. `wanted` octets of the current chunk are to come; give `feed` no more.

    With `binary` any octet may stand anywhere (RFC 3030 §3); otherwise the message is lines, as after DATA.
    """

    __slots__ = ("_binary", "_carry", "rest", "size_bytes", "text", "wanted")

    def __init__(self, *, binary: bool) -> None:
        self._binary, self._carry = binary, b""
        self.text = Text()
        self.rest = b""
        self.size_bytes = self.wanted = 0

    def begin(self, size_bytes: int) -> None:
        """Begin a chunk of so many octets."""
        self.wanted = size_bytes

    def feed(self, octets: bytes) -> bytes:
        """Return the next octets of the message: those that came."""
        self.wanted -= len(octets)
        self.size_bytes += len(octets)
        if not self._binary and octets:
            lines = self._carry + octets
            self._carry = b"\r" if lines.endswith(b"\r") else b""
            self.text.check(lines.removesuffix(b"\r"))
        return octets

    def finish(self) -> None:
        """End the message: a CR for which no LF came is a bare one."""
        self.text.bad |= bool(self._carry)

    @property
    def done(self) -> bool:
        """Say whether the chunk is complete."""
        return not self.wanted
