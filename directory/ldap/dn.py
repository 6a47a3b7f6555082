r"""Distinguished names: their notation, and when two are the same. Pure. RFC 4514 §2.4, §3; RFC 2253's ``;`` and quotes are not read.

A name is a tuple of RDNs from the entry up to the root; an RDN here has one attribute, as every entry of ours.
"""

import re

from directory.ldap.errors import BadName
from directory.names import fold_case

Rdn = tuple[str, str]  # attribute type, value
MAX_CHARS = 2048
MAX_RDNS = 64
_TYPES = {"commonname": "cn", "organizationname": "o", "organizationalunitname": "ou", "domaincomponent": "dc", "rfc822mailbox": "mail",
          "userid": "uid", "countryname": "c", "surname": "sn", "2.5.4.3": "cn", "2.5.4.10": "o", "2.5.4.11": "ou",
          "0.9.2342.19200300.100.1.25": "dc", "0.9.2342.19200300.100.1.3": "mail", "0.9.2342.19200300.100.1.1": "uid"}  # fmt: skip
_TYPE = re.compile(r" *([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+) *= *")
_SPECIAL = re.compile(r'[,+"\\<>;=]|^[# ]| \Z')
_PAIR = re.compile(rb'\\([0-9A-Fa-f]{2}|[ "#+,;<=>\\])')


def parse(text: str) -> tuple[Rdn, ...]:
    """Read a name; the empty text is the root. Raises BadName."""
    if len(text) > MAX_CHARS:
        raise BadName
    found: list[Rdn] = []
    rest = text.lstrip(" ")
    while rest:
        match = _TYPE.match(rest)
        if match is None or len(found) == MAX_RDNS:
            raise BadName
        kind = match[1].lower()
        value, rest = _value(rest[match.end() :])
        found.append((_TYPES.get(kind, kind), value))
    return tuple(found)


def _value(text: str) -> tuple[str, str]:
    """Return a value and what follows its comma. Raises BadName, also for an RDN of several attributes."""
    at = 0
    while at < len(text) and text[at] not in ',+;"<>':
        at += 2 if text[at] == "\\" else 1
    if at < len(text) and text[at] != ",":
        raise BadName
    raw, rest = text[:at], text[at + 1 :]
    if at < len(text) and not rest.strip(" "):
        raise BadName
    bare = raw.rstrip(" ")
    if len(raw) > len(bare) and (len(bare) - len(bare.rstrip("\\"))) % 2:
        bare += " "  # an escaped space at the end belongs to the value
    return _unescape(bare), rest


def _unescape(raw: str) -> str:
    if not raw or raw.startswith("#"):
        raise BadName
    if "\\" not in raw:
        return raw
    octets = raw.encode()
    if b"\\" in _PAIR.sub(b"", octets):
        raise BadName
    try:
        return _PAIR.sub(lambda pair: bytes.fromhex(pair[1].decode()) if len(pair[1]) == 2 else pair[1], octets).decode()
    except UnicodeDecodeError:
        raise BadName from None


def rdn(kind: str, value: str) -> str:
    """Return the notation of one RDN."""
    return f"{kind}={escape(value)}"


def escape(value: str) -> str:
    """Return a value with what has a meaning in names escaped (§2.4)."""
    if _SPECIAL.search(value) is None and "\x00" not in value:
        return value
    return _SPECIAL.sub(lambda found: "\\" + found[0], value).replace("\x00", "\\00")


def text(name: tuple[Rdn, ...]) -> str:
    """Return the notation of a name."""
    return ",".join(rdn(kind, value) for kind, value in name)


def key(name: tuple[Rdn, ...]) -> tuple[Rdn, ...]:
    """Return what two spellings of one name have in common."""
    return tuple((kind, fold_case(" ".join(value.split()))) for kind, value in name)
