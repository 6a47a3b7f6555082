"""What the topmost trace fields say of how a letter came here. RFC 3848, RFC 5321 §4.4, RFC 8601. Pure."""

import re

from mailcore.checks import authres
from mailcore.message.types import Header
from mailcore.routing.trace import Judgement, read_result

# Our own trace stands on top. Its protocol ends in A when the client had signed in, and is HTTPS from the webmail.
_STRANGER = re.compile(rb"received:.*?\swith\s+(?:utf8smtp|e?smtp)s?\s", re.IGNORECASE | re.DOTALL)


def is_from_outside(header: Header) -> bool:
    """Say whether another server brought a letter, and nobody who signed in here."""
    name, octets = next((field for field in header.fields if field[0] != b"diwan-trace-result"), (b"", b""))
    return name == b"received" and _STRANGER.match(octets) is not None


def findings(header: Header, host: str) -> bytes:
    """Return our own Authentication-Results of a letter: the field right behind our trace; b"" when there is none (RFC 8601 §5)."""
    fields = [field for field in header.fields[:3] if field[0] != b"diwan-trace-result"]
    if [name for name, _ in fields[:2]] != [b"received", authres.NAME]:
        return b""
    octets = fields[1][1]
    return octets if authres.identifier(octets.partition(b":")[2]) == host.lower().encode("ascii") else b""


def mark(header: Header) -> Judgement | None:
    """Return what was found about the way of a letter from another node, when something is wrong with it (decision 0022)."""
    found = read_result(header.fields)
    return None if found is None or found.mark == "good" else found
