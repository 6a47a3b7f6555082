"""Distinguished Encoding Rules, pure: a strict reader that follows no recursion, and a writer.

ITU-T X.690. Refused: indefinite and non-minimal lengths, tags above 30, trailing octets, more than MAX_BYTES unless the caller allows it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from config.clock import us, utc

MAX_CHILDREN = 300_000  # of one element: pieces of a large content; each takes a microsecond and some hundred octets
MAX_BYTES = 1 << 20  # a signature with its chain is a few KiB; 1 MiB leaves room for foreign revocation lists

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING = 0x0C
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

_UTC_TIME_ENDS = datetime(2050, 1, 1, tzinfo=UTC)


class BadDer(ValueError):
    """The octets are not what they should be; nothing else is raised by this module's readers."""


def context(number: int) -> int:
    """Return the tag of a constructed context-specific element."""
    return 0xA0 | number


class Element(msgspec.Struct, frozen=True, gc=False):
    """One element inside `data`: where it starts, where its content starts, where it ends.

    No dataclass: fifty are made for a signature, and a frozen one takes five times as long.
    """

    data: bytes
    tag: int
    start: int
    content: int
    end: int

    @property
    def octets(self) -> bytes:
        """Return the content."""
        return self.data[self.content : self.end]

    @property
    def whole(self) -> bytes:
        """Return the element with its tag and length, as it was sent."""
        return self.data[self.start : self.end]

    def children(self) -> Iterator["Element"]:
        """Return the elements inside, which must fill it exactly."""
        position, room = self.content, MAX_CHILDREN
        while position < self.end:
            child = _element(self.data, position, self.end)
            yield child
            position, room = child.end, room - 1
            if not room:
                raise BadDer("too many elements")

    def expect(self, tag: int) -> "Element":
        """Return this element if it has that tag."""
        if self.tag != tag:
            raise BadDer(f"tag {self.tag:#04x} where {tag:#04x} belongs")
        return self


class Fields:
    """The fields of a SEQUENCE or SET, taken one after the other."""

    __slots__ = ("_at", "_data", "_end", "_next")

    def __init__(self, element: Element, tag: int = SEQUENCE) -> None:
        if element.tag != tag:
            element.expect(tag)
        self._data, self._at, self._end = element.data, element.content, element.end
        self._next: Element | None = None

    def take(self, tag: int | None = None) -> Element:
        """Return the next field, of this tag if one is given."""
        field, self._next = self._next or self._read(), None
        if field is None:
            raise BadDer("a field is missing")
        if tag is not None and field.tag != tag:
            field.expect(tag)
        return field

    def maybe(self, tag: int) -> Element | None:
        """Return the next field if it has this tag."""
        field = self._next = self._next or self._read()
        return self.take() if field is not None and field.tag == tag else None

    def done(self) -> None:
        """Refuse fields that nobody took."""
        if self._next is not None or self._at < self._end:
            raise BadDer("more fields than there should be")

    def _read(self) -> Element | None:
        if self._at >= self._end:
            return None
        field = _element(self._data, self._at, self._end)
        self._at = field.end
        return field


def read(data: bytes, max_bytes: int = MAX_BYTES) -> Element:
    """Return the one element that `data` consists of."""
    if len(data) > max_bytes:
        raise BadDer("too large")
    element = _element(data, 0, len(data))
    if element.end != len(data):
        raise BadDer("octets after the end")
    return element


def only(explicit: Element) -> Element:
    """Return the one element in a tag around it."""
    fields = Fields(explicit, explicit.tag)
    found = fields.take()
    fields.done()
    return found


def integer(element: Element) -> int:
    """Return the value of an INTEGER."""
    octets = element.expect(INTEGER).octets
    if not octets or (len(octets) > 1 and octets[0] in (0, 0xFF) and octets[0] >> 7 == octets[1] >> 7):
        raise BadDer("integer not minimal")
    return int.from_bytes(octets, "big", signed=True)


def oid(element: Element) -> str:
    """Return an OBJECT IDENTIFIER in dotted form."""
    octets = element.expect(OID).octets
    if not octets or octets[-1] & 0x80 or len(octets) > 64:
        raise BadDer("object identifier")
    return _dotted(octets)


@lru_cache(256)
def _dotted(octets: bytes) -> str:
    arcs, value, fresh = [], 0, True
    for octet in octets:
        if fresh and octet == 0x80:
            raise BadDer("object identifier not minimal")
        value, fresh = value << 7 | octet & 0x7F, not octet & 0x80
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def time(element: Element) -> int:
    """Return a UTCTime or GeneralizedTime in the form of RFC 5280 §4.1.2.5, as µs since the epoch."""
    octets = element.octets
    digits, length = octets[:-1], {UTC_TIME: 12, GENERALIZED_TIME: 14}.get(element.tag)
    if len(digits) != length or octets[-1:] != b"Z" or not digits.isdigit():
        raise BadDer("time")
    text = digits.decode("ascii")
    if element.tag == UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    try:
        moment = datetime(int(text[:4]), *[int(text[at : at + 2]) for at in range(4, 14, 2)], tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError as reason:
        raise BadDer("time") from reason
    return us(moment)


def bits(element: Element) -> bytes:
    """Return a BIT STRING of whole octets."""
    octets = element.expect(BIT_STRING).octets
    if octets[:1] != b"\0":
        raise BadDer("bit string")
    return octets[1:]


def write(tag: int, *parts: bytes) -> bytes:
    """Return an element with the concatenated parts as content."""
    content = parts[0] if len(parts) == 1 else b"".join(parts)
    size = len(content)
    if size < 0x80:
        return b"%c%c%b" % (tag, size, content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return b"%c%c%b%b" % (tag, 0x80 | len(length), length, content)


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE."""
    return write(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """Return a SET OF, its elements in the order that X.690 §11.6 asks for."""
    return write(SET, *sorted(parts))


def write_integer(value: int) -> bytes:
    """Return an INTEGER."""
    size = ((value if value >= 0 else ~value).bit_length() // 8) + 1
    return write(INTEGER, value.to_bytes(size, "big", signed=True))


@lru_cache(256)
def write_oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    return write(OID, *map(_base128, [40 * first + second, *rest]))


def write_octets(octets: bytes) -> bytes:
    """Return an OCTET STRING."""
    return write(OCTET_STRING, octets)


def write_bits(octets: bytes) -> bytes:
    """Return a BIT STRING of whole octets."""
    return write(BIT_STRING, b"\0", octets)


def write_time(us: int) -> bytes:
    """Return a UTCTime until 2049 and a GeneralizedTime after (RFC 5652 §11.3), whole seconds."""
    return _written_time(us // 1_000_000)


@lru_cache(16)  # many signatures are of one second
def _written_time(second: int) -> bytes:
    moment = utc(second * 1_000_000)
    if moment < _UTC_TIME_ENDS:
        return write(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return write_generalized_time(second * 1_000_000)


def write_generalized_time(us: int) -> bytes:
    """Return a GeneralizedTime of whole seconds, whatever the year."""
    return write(GENERALIZED_TIME, utc(us).strftime("%Y%m%d%H%M%SZ").encode())


def write_boolean(value: bool) -> bytes:
    """Return a BOOLEAN (X.690 §11.1)."""
    return write(BOOLEAN, b"\xff" if value else b"\0")


def _element(data: bytes, start: int, limit: int) -> Element:
    if start + 2 > limit:
        raise BadDer("cut short")
    tag, size, content = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise BadDer("tag above 30")
    if size >= 0x80:
        size, content = _long_length(data, content, size & 0x7F, limit)
    if content + size > limit:
        raise BadDer("cut short")
    return Element(data, tag, start, content, content + size)


def _long_length(data: bytes, start: int, count: int, limit: int) -> tuple[int, int]:
    """Return the length and where the content starts."""
    if not 1 <= count <= 4 or start + count > limit:
        raise BadDer("length")
    size = int.from_bytes(data[start : start + count], "big")
    if size < 0x80 or data[start] == 0:
        raise BadDer("length not minimal")
    return size, start + count


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))
