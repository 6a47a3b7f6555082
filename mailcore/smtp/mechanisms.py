"""SASL mechanisms as exchanges of octets. Pure.

RFC 4954 §4 (AUTH), RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN, which old clients still ask for first).
A mechanism is a generator: it yields challenges, is sent responses, and returns credentials.
"""

import binascii
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from mailcore.smtp.reply import AUTH_CANCELLED, BAD_AUTH, BAD_CREDENTIALS, Refused


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and what proves it; the password is never shown."""

    login: str
    password: str = field(repr=False)


Exchange = Generator[bytes, bytes, Credentials]


def plain() -> Exchange:
    """Ask for ``[authzid] NUL authcid NUL passwd`` (RFC 4616 §2); another identity than one's own is refused."""
    parts = (yield b"").split(b"\0")
    if len(parts) != 3:
        raise Refused(BAD_AUTH)
    acting, login, password = map(_text, parts)
    if acting not in ("", login):
        raise Refused(BAD_CREDENTIALS)
    return _credentials(login, password)


def login() -> Exchange:
    """Ask for the name, then for the password."""
    name = _text((yield b"Username:"))
    return _credentials(name, _text((yield b"Password:")))


MECHANISMS: dict[str, Callable[[], Exchange]] = {"PLAIN": plain, "LOGIN": login}


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


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(BAD_AUTH) from error


def _credentials(login: str, password: str) -> Credentials:
    if not login or not password or "\0" in login + password:
        raise Refused(BAD_AUTH)
    return Credentials(login, password)
