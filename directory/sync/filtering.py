r"""Search filters from their notation to the wire. Pure. RFC 4515 §3 (notation), RFC 4511 §4.5.1.7 (encoding)."""

import re

from directory.ldap import ber
from directory.sync.errors import SourceFailed

MAX_CHARS = 4_096
MAX_DEPTH = 16
_AND, _OR, _NOT, _EQUAL, _SUBSTRINGS, _GREATER, _LESS, _PRESENT, _APPROX, _EXTENSIBLE = (
    0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0x87, 0xA8, 0xA9,
)  # fmt: skip
_OPERATORS = {"=": _EQUAL, ">=": _GREATER, "<=": _LESS, "~=": _APPROX}
_ITEM = re.compile(r"(?P<name>[A-Za-z0-9.;-]*)(?P<dn>:dn)?(?::(?P<rule>[A-Za-z0-9.-]+))?(?P<op>:=|>=|<=|~=|=)(?P<value>[^()\x00]*)")
_ESCAPE = re.compile(rb"\\(?:([0-9A-Fa-f]{2})|)")


def encode(text: str) -> bytes:
    """Return the octets of a filter such as ``(&(objectClass=person)(mail=*))``. Raises SourceFailed when it is none."""
    if len(text) > MAX_CHARS:
        raise SourceFailed("the filter is too long")
    octets, rest = _filter(text.strip(), MAX_DEPTH)
    if rest:
        raise _bad(text)
    return octets


def _filter(text: str, depth: int) -> tuple[bytes, str]:
    """Return the octets of the filter that a text begins with, and what follows it."""
    if not text.startswith("(") or depth == 0:
        raise _bad(text)
    kind = {"&": _AND, "|": _OR, "!": _NOT}.get(text[1:2])
    if kind is None:
        match = _ITEM.match(text, 1)
        if match is None or text[match.end() : match.end() + 1] != ")":
            raise _bad(text)
        return _item(match), text[match.end() + 1 :]
    parts, rest = [], text[2:].lstrip()
    while rest.startswith("("):
        part, rest = _filter(rest, depth - 1)
        parts.append(part)
        rest = rest.lstrip()
    if not rest.startswith(")") or (kind == _NOT and len(parts) != 1):
        raise _bad(text)
    return ber.value(kind, b"".join(parts)), rest[1:]


def _item(match: re.Match[str]) -> bytes:
    name, value, operator = match["name"], match["value"], match["op"]
    if operator == ":=":
        return _extensible(match)
    if not name or match["dn"] or match["rule"]:
        raise _bad(match[0])
    if operator == "=" and value == "*":
        return ber.value(_PRESENT, name.encode())
    if operator == "=" and "*" in value:
        return ber.value(_SUBSTRINGS, ber.octets(name.encode()) + ber.value(ber.SEQUENCE, _pieces(value)))
    return ber.value(_OPERATORS[operator], ber.octets(name.encode()) + ber.octets(_unescape(value)))


def _pieces(value: str) -> bytes:
    first, *between, last = value.split("*")
    pieces = [(0x80, first), *((0x81, one) for one in between), (0x82, last)]
    return b"".join(ber.value(tag, _unescape(piece)) for tag, piece in pieces if piece)


def _extensible(match: re.Match[str]) -> bytes:
    """Return a match by a rule, such as Active Directory's bit by bit (1.2.840.113556.1.4.803)."""
    rule = ber.value(0x81, match["rule"].encode()) if match["rule"] else b""
    name = ber.value(0x82, match["name"].encode()) if match["name"] else b""
    value = ber.value(0x83, _unescape(match["value"]))
    return ber.value(_EXTENSIBLE, rule + name + value + (ber.boolean(True, 0x84) if match["dn"] else b""))


def _unescape(text: str) -> bytes:
    octets = text.encode()
    if any(found[1] is None for found in _ESCAPE.finditer(octets)):
        raise _bad(text)
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), octets)


def _bad(text: str) -> SourceFailed:
    return SourceFailed(f"{text[:80]!r} is not a search filter")
