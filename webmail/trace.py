"""What the topmost trace field says of how a letter came here. RFC 3848, RFC 5321 §4.4. Pure."""

import re

from mailcore.message.types import Header

# Our own trace stands on top. Its protocol ends in A when the client had signed in, and is HTTPS from the webmail.
_STRANGER = re.compile(rb"received:.*?\swith\s+(?:utf8smtp|e?smtp)s?\s", re.IGNORECASE | re.DOTALL)


def is_from_outside(header: Header) -> bool:
    """Say whether another server brought a letter, and nobody who signed in here."""
    fields = header.fields
    return bool(fields) and fields[0][0] == b"received" and _STRANGER.match(fields[0][1]) is not None
