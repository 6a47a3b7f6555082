"""How the octets of a SASL exchange travel in SMTP. Pure.

RFC 4954 §4 (AUTH). What they mean is the directory's: `directory.signin.exchanges`.
"""

import binascii

from mailcore.smtp.reply import AUTH_CANCELLED, BAD_AUTH, Refused


def decode(line: bytes) -> bytes:
    """Decode a response line (RFC 4954 §4). Raises Refused: cancelled by ``*``, or not base64."""
    if line == b"*":
        raise Refused(AUTH_CANCELLED)
    if len(line) % 4:
        raise Refused(BAD_AUTH)
    try:
        return binascii.a2b_base64(line, strict_mode=True) if line else b""
    except binascii.Error as error:
        raise Refused(BAD_AUTH) from error


def encode(octets: bytes) -> str:
    """Encode a challenge."""
    return binascii.b2a_base64(octets, newline=False).decode("ascii")
