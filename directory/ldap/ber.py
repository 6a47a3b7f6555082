"""The part of BER that LDAP uses: one-octet tags, definite lengths, primitive strings. Pure. RFC 4511 §5.1.

A reader walks one octet string by index and copies nothing but the values it gives out; every length is checked
against its container, so that no announced length costs anything.
"""

from directory.ldap.errors import NotUnderstood

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
MAX_LENGTH_OCTETS = 4  # 4 GiB: far more than any PDU we read
MAX_INTEGER_OCTETS = 8
_MULTI_OCTET_TAG = 0x1F
_SHORT = 0x80
_HEADS = [bytes((size,)) for size in range(_SHORT)]


class Reader:
    """A position in the contents of one constructed value."""

    __slots__ = ("_data", "_end", "at")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self._data, self.at, self._end = data, at, len(data) if end is None else end

    @property
    def more(self) -> bool:
        """Whether something follows."""
        return self.at < self._end

    def tag(self) -> int:
        """Return the tag of what follows without taking it; 0 at the end."""
        return self._data[self.at] if self.at < self._end else 0

    def enter(self, tag: int) -> "Reader":
        """Take a constructed value; return a reader of its contents. Raises NotUnderstood."""
        start, stop = self._take(tag)
        return Reader(self._data, start, stop)

    def octets(self, tag: int = OCTETS) -> bytes:
        """Take a string of octets. Raises NotUnderstood."""
        start, stop = self._take(tag)
        return self._data[start:stop]

    def text(self, tag: int = OCTETS) -> str:
        """Take a string that must be UTF-8 (RFC 4511 §4.1.2). Raises NotUnderstood."""
        try:
            return self.octets(tag).decode()
        except UnicodeDecodeError:
            raise NotUnderstood("a text is not UTF-8") from None

    def integer(self, tag: int = INTEGER) -> int:
        """Take a whole number. Raises NotUnderstood."""
        octets = self.octets(tag)
        if not 0 < len(octets) <= MAX_INTEGER_OCTETS:
            raise NotUnderstood("a number has no octets, or too many")
        return int.from_bytes(octets, "big", signed=True)

    def boolean(self, tag: int = BOOLEAN) -> bool:
        """Take a truth value. Raises NotUnderstood."""
        octets = self.octets(tag)
        if len(octets) != 1:
            raise NotUnderstood("a truth value is one octet")
        return octets != b"\x00"

    def end(self) -> None:
        """Accept that nothing follows. Raises NotUnderstood."""
        if self.more:
            raise NotUnderstood("something follows where nothing may")

    def _take(self, tag: int) -> tuple[int, int]:
        data, at = self._data, self.at
        if at + 2 > self._end or data[at] != tag:
            raise NotUnderstood("another value stands where one was expected")
        size, start = data[at + 1], at + 2
        if size >= _SHORT:
            count = size - _SHORT
            if not 0 < count <= MAX_LENGTH_OCTETS or start + count > self._end:
                raise NotUnderstood("a length is indefinite, too long or cut off")
            size = int.from_bytes(data[start : start + count], "big")
            start += count
        if start + size > self._end:
            raise NotUnderstood("a value is longer than what holds it")
        self.at = start + size
        return start, start + size


def whole_size(data: bytes | bytearray, at: int = 0) -> int | None:
    """Return how many octets the message that begins at `at` has, head included; None when that has not arrived yet.

    Raises NotUnderstood when no message begins there (RFC 4511 §4.1.1: a message is a SEQUENCE).
    """
    have = len(data) - at
    if have and data[at] != SEQUENCE:
        raise NotUnderstood("no message begins here")
    if have < 2:
        return None
    size = data[at + 1]
    if size < _SHORT:
        return 2 + size
    count = size - _SHORT
    if not 0 < count <= MAX_LENGTH_OCTETS:
        raise NotUnderstood("the length of a message is indefinite or absurd")
    if have < 2 + count:
        return None
    return 2 + count + int.from_bytes(data[at + 2 : at + 2 + count], "big")


def length(size: int) -> bytes:
    """Return the length octets of contents of `size` octets."""
    if size < _SHORT:
        return _HEADS[size]
    count = (size.bit_length() + 7) // 8
    return bytes((_SHORT | count,)) + size.to_bytes(count, "big")


def value(tag: int, contents: bytes) -> bytes:
    """Return a whole value."""
    return bytes((tag,)) + length(len(contents)) + contents


def octets(contents: bytes) -> bytes:
    """Return an OCTET STRING."""
    return b"\x04" + length(len(contents)) + contents


def integer(number: int, tag: int = INTEGER) -> bytes:
    """Return an INTEGER, or an ENUMERATED with its tag, in its shortest form."""
    return value(tag, number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "big", signed=True))


def boolean(truth: bool, tag: int = BOOLEAN) -> bytes:
    """Return a truth value; true is 0xFF (RFC 4511 §5.1)."""
    return value(tag, b"\xff" if truth else b"\x00")
