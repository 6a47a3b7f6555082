"""What the topmost trace fields say of how a letter came here. RFC 3848, RFC 5321 §4.4, RFC 8601. Pure."""

import re
from collections.abc import Sequence

from mailcore.checks import authres
from mailcore.message.types import Header
from mailcore.routing.trace import Judgement, read_result
from mailcore.sieve.trace import FIELD as REDIRECTED

# Our own trace stands on top. Its protocol ends in A when the client had signed in, and is HTTPS from the webmail.
_STRANGER = re.compile(rb"received:.*?\swith\s+(?:utf8[sl]mtp|e?smtp|lmtp)s?\s", re.IGNORECASE | re.DOTALL)


# What a script put in front when it passed a letter on, and what was found of the way of one from another node.
_PASSED_ON = re.compile(rb"received:\s+by\s+\S+\s+with\s+local\s", re.IGNORECASE)
_ABOVE = {b"diwan-trace-result", REDIRECTED.lower().encode()}


def _from_arrival(header: Header) -> Sequence[tuple[bytes, bytes]]:
    """Return the fields from our trace of the arrival on, also of a letter that was passed on since."""
    for at, (name, octets) in enumerate(header.fields):
        if name not in _ABOVE and not (name == b"received" and _PASSED_ON.match(octets)):
            return header.fields[at : at + 2]
    return ()


def is_from_outside(header: Header) -> bool:
    """Say whether another server brought a letter, and nobody who signed in here."""
    fields = _from_arrival(header)
    return bool(fields) and fields[0][0] == b"received" and _STRANGER.match(fields[0][1]) is not None


def findings(header: Header, host: str) -> bytes:
    """Return our own Authentication-Results of a letter: the field right behind our trace; b"" when there is none (RFC 8601 §5)."""
    fields = _from_arrival(header)
    if [name for name, _ in fields] != [b"received", authres.NAME]:
        return b""
    octets = fields[1][1]
    return octets if authres.identifier(octets.partition(b":")[2]) == host.lower().encode("ascii") else b""


def mark(header: Header) -> Judgement | None:
    """Return what was found about the way of a letter from another node, when something is wrong with it (decision 0022)."""
    found = read_result(header.fields)
    return None if found is None or found.mark == "good" else found
