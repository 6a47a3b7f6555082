"""What clients send in mechanisms of one message: PLAIN, OAUTHBEARER, XOAUTH2, EXTERNAL. Pure.

RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER), RFC 5801 §4 (its header), RFC 6750 §2.1 (tokens), RFC 4422 appendix A (EXTERNAL).
XOAUTH2 is what was there before RFC 7628: https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
"""

import re
from dataclasses import dataclass, field

from directory.errors import BadExchange

MAX_MESSAGE_BYTES = 9216  # what 12288 octets of base64 hold (RFC 4954 §4)
_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/-]+=*)")
_HEADER = re.compile(r"[ny],(?:a=([^,]*))?,")  # a binding has no place in OAUTHBEARER (RFC 7628 §3.1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name, who it wants to act for ("" is itself), and what proves it; the secret is never shown."""

    login: str
    acting: str
    secret: str = field(repr=False)


def plain(octets: bytes) -> Credentials:
    """Read ``[authzid] NUL authcid NUL passwd`` (RFC 4616 §2). Raises BadExchange."""
    parts = text(octets).split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise BadExchange
    acting, login, password = parts
    return Credentials(login, "" if acting == login else acting, password)


def oauthbearer(octets: bytes) -> Credentials:
    """Read ``gs2-header ^A key=value ^A … ^A`` (RFC 7628 §3.1). A name is optional: the token says whose it is. Raises BadExchange."""
    said = text(octets)
    header = _HEADER.match(said)
    if header is None or not said.endswith("\x01\x01"):
        raise BadExchange
    fields = _fields(said[header.end() :].strip("\x01"))
    name = (header[1] or "").replace("=2C", ",").replace("=3D", "=")
    return Credentials(name, "", _token(fields))


def xoauth2(octets: bytes) -> Credentials:
    """Read ``user=name ^A auth=Bearer token ^A ^A``. Raises BadExchange."""
    said = text(octets)
    if not said.endswith("\x01\x01"):
        raise BadExchange
    fields = _fields(said.strip("\x01"))
    return Credentials(fields.get("user", ""), "", _token(fields))


def text(octets: bytes) -> str:
    """Return octets as text. Raises BadExchange when they are not UTF-8 or too many."""
    if len(octets) > MAX_MESSAGE_BYTES:
        raise BadExchange
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadExchange from None


def _fields(said: str) -> dict[str, str]:
    pairs = [piece.partition("=") for piece in said.split("\x01")] if said else []
    if not all(equals for _, equals, _ in pairs):
        raise BadExchange
    return {name: value for name, _, value in pairs}


def _token(fields: dict[str, str]) -> str:
    """Return the token, "" when there is none: the client asks where to get one (RFC 7628 §3.2.2, §4.3)."""
    said = fields.get("auth", "")
    if not said:
        return ""
    found = _BEARER.fullmatch(said)
    if found is None:
        raise BadExchange
    return found[1]
