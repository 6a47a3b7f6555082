"""Cut a message header into its fields, as offsets into the octets that were received.

RFC 5322 §2.2, §3.6.8, §4.5.8. Nothing is refused and nothing is rewritten: what is no field is a line without a name.
What is read as octets here and in the parts may be a file in memory (`mmap`): only slices, `find` and patterns are used.
"""

import re
from collections.abc import Container, Iterable
from itertools import islice

import msgspec

MAX_VALUE = 262_144  # octets of one field that are read; a list of 4,000 recipients fits
MAX_FIELDS = 1000  # Postfix bounds header octets instead; a thousand fields is far beyond any honest message

COUNTED = 65_536  # octets of a map that are copied to be counted

# A field with its continuation lines, or one malformed line; possessive, so linear whatever the octets.
_LINES = re.compile(rb"(?:([!-9;-~]++)([ \t]*+:))?+([^\n]*+(?:\n[ \t][^\n]*+)*+\n?)")
_FOLD = re.compile(rb"\r*\n(?=[ \t])")


class Field(msgspec.Struct, frozen=True, gc=False):
    """One header field, or one malformed line (then `name` is empty and the value starts at the line).

    The octets are raw[start:end], line break included; the value raw[value_start:end].
    """

    name: bytes
    lower: bytes
    start: int
    value_start: int
    end: int


def scan(raw: bytes, start: int = 0, end: int | None = None) -> tuple[tuple[Field, ...], int]:
    """Return the fields of the header at `start` and the offset where the body starts.

    The header ends at the first empty line (ended by CRLF or by a bare LF) or at `end`. After MAX_FIELDS fields the
    rest of the header is one malformed line, so that the fields joined always are the header's octets.
    """
    end = len(raw) if end is None else end
    stop, body_start = _border(raw, start, end)
    fields: list[Field] = []
    at = start
    for name, colon, rest in _lines(raw, start, stop):
        value_start = at + len(name) + len(colon)
        after = value_start + len(rest)
        if after > at:
            fields.append(Field(name, name.lower(), at, value_start, after))
            if len(fields) > MAX_FIELDS:
                fields[-1] = Field(b"", b"", at, at, stop)
                break
        at = after
    return tuple(fields), body_start


def unfold(value: bytes) -> bytes:
    """Return a field's value on one line: line breaks removed, blanks at both ends too. RFC 5322 §2.2.3."""
    value = value.strip(b" \t\r\n")
    return _FOLD.sub(b"", value) if b"\n" in value else value


def values(raw: bytes, fields: Iterable[Field], names: Container[bytes]) -> dict[bytes, bytes]:
    """Return the unfolded value of the first field of each name in `names` (lower case)."""
    found: dict[bytes, bytes] = {}
    for field in fields:
        name = field.lower
        if name in names and name not in found:
            end = min(field.end, field.value_start + MAX_VALUE)
            octets = raw[field.value_start : end].strip(b" \t\r\n")  # what `value` does, without two calls for each
            found[name] = _FOLD.sub(b"", octets) if b"\n" in octets else octets
    return found


def value(raw: bytes, field: Field) -> bytes:
    """Return a field's unfolded value, its first MAX_VALUE octets."""
    return unfold(raw[field.value_start : min(field.end, field.value_start + MAX_VALUE)])


def lines_in(raw: bytes, start: int, end: int) -> int:
    """Return how many line breaks there are between two offsets."""
    if isinstance(raw, bytes):
        return raw.count(b"\n", start, end)
    return sum(raw[place : min(place + COUNTED, end)].count(b"\n") for place in range(start, end, COUNTED))


def _lines(raw: bytes, start: int, stop: int) -> Iterable[tuple[bytes, bytes, bytes]]:
    """Return what _LINES finds: at once for an honest header, no further than needed for a monstrous one."""
    if stop - start <= MAX_VALUE:
        return _LINES.findall(raw, start, stop)
    return ((line[1] or b"", line[2] or b"", line[3]) for line in islice(_LINES.finditer(raw, start, stop), MAX_FIELDS + 1))


def _border(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the fields stop and where the body starts."""
    top = raw[start : start + 2 if start + 2 < end else end]
    if top == b"\r\n":
        return start, start + 2
    if top[:1] == b"\n":
        return start, start + 1
    blank = raw.find(b"\n\r\n", start, end)
    bare = raw.find(b"\n\n", start, end if blank < 0 else blank + 1)  # the earlier of the two
    if bare >= 0:
        return bare + 1, bare + 2
    return (blank + 1, blank + 3) if blank >= 0 else (end, end)
