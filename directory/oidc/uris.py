"""Addresses that a platform registers, and whether one that it names is among them. Pure.

RFC 6749 §3.1.2 (absolute, no fragment); RFC 9700 §2.1 (compared character by character); RFC 8252 §7.1 (private schemes),
§7.3 (loopback, any port), §8.3 (never `localhost`).
"""

import re
from collections.abc import Sequence

from directory.errors import BadEntry

MAX_CHARS = 1000  # browsers and proxies take 2,000 and more; a code and a state still go behind it

_HOST = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_REST = r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
_HTTPS = re.compile(rf"(https://({_HOST})(?::[0-9]{{1,5}})?){_REST}")
_LOOPBACK = re.compile(rf"(http://(?:127\.0\.0\.1|\[::1\]))(:[0-9]{{1,5}})?({_REST})")
_PRIVATE = re.compile(r"([a-z][a-z0-9]*(?:[.-][a-z0-9]+)*\.[a-z0-9]+(?:[.-][a-z0-9]+)*:)/[A-Za-z0-9._~/-]*")


def check_redirect(uri: str, *, native: bool) -> None:
    """Accept an address to return to: https, and for a program on somebody's machine also loopback or a scheme of its own.

    Raises BadEntry.
    """
    if len(uri) <= MAX_CHARS and (_HTTPS.fullmatch(uri) or (native and (_LOOPBACK.fullmatch(uri) or _PRIVATE.fullmatch(uri)))):
        return
    raise BadEntry(f"{uri[:200]}: this is no address that one may return to")


def check_https(uri: str) -> None:
    """Accept an https address. Raises BadEntry."""
    if len(uri) > MAX_CHARS or not _HTTPS.fullmatch(uri):
        raise BadEntry(f"{uri[:200]}: an https address is wanted")


def host(uri: str) -> str:
    """Return the host of an https address, or ""."""
    match = _HTTPS.fullmatch(uri)
    return match[2] if match else ""


def source(uri: str) -> str:
    """Return what a content security policy calls the place that an address leads to: its origin, or its scheme."""
    for shape in (_HTTPS, _PRIVATE):
        if match := shape.fullmatch(uri):
            return match[1]
    match = _LOOPBACK.fullmatch(uri)
    return match[1] + (match[2] or "") if match else "'none'"


def is_registered(asked: str, registered: Sequence[str]) -> bool:
    """Say whether an address is one of those registered, character by character; only a loopback port is free."""
    if asked in registered:
        return True
    loopback = _LOOPBACK.fullmatch(asked) if len(asked) <= MAX_CHARS else None
    if loopback is None:
        return False
    known = [match for match in map(_LOOPBACK.fullmatch, registered) if match]
    return any((match[1], match[3]) == (loopback[1], loopback[3]) for match in known)
