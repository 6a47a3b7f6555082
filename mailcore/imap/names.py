"""Mailbox names on the wire and patterns over them. RFC 3501 §5.1.3 (modified UTF-7), §6.3.8 (LIST wildcards)."""

import binascii
import re
import unicodedata

from mailcore.errors import BadMailboxName

SEPARATOR = "/"
WILDCARDS = ("*", "%")
_WILDCARDS = re.compile(r"[*%]+")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_UNPRINTABLE = re.compile(r"[^\x20-\x25\x27-\x7e]+")


def encode(name: str, *, utf8: bool = False) -> bytes:
    """Return a name in modified UTF-7, or as it stands for a client that has enabled UTF-8."""
    if utf8:
        return name.encode("utf-8")
    return _UNPRINTABLE.sub(lambda run: _shift(run[0]), name).encode("ascii")


def _shift(run: str) -> str:
    return "&-".join("&" + _base64(piece) + "-" if piece else "" for piece in run.split("&"))


def _base64(text: str) -> str:
    encoded = binascii.b2a_base64(text.encode("utf-16-be"), newline=False)
    return encoded.rstrip(b"=").replace(b"/", b",").decode("ascii")


def decode(wire: bytes, *, utf8: bool = False) -> str:
    """Return a name from modified UTF-7, in NFC. Raises BadMailboxName for anything that `encode` would not write.

    From a client that has enabled UTF-8 a name is what it says, a bare ``&`` too (RFC 6855 §3, RFC 9051 §5.1).
    """
    try:
        if utf8:
            return unicodedata.normalize("NFC", wire.decode("utf-8"))
        name = _SHIFTED.sub(_unshift, wire).decode("utf-8")
        if encode(name) != wire:
            raise BadMailboxName
    except (ValueError, UnicodeError):
        raise BadMailboxName from None
    return unicodedata.normalize("NFC", name)


def _unshift(run: re.Match[bytes]) -> bytes:
    if not run[1]:
        return b"&"
    padded = run[1].replace(b",", b"/") + b"=" * (-len(run[1]) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be").encode("utf-8")


def is_inbox(name: str) -> bool:
    """Say whether a name is INBOX, in whatever case (RFC 3501 §5.1)."""
    return name.upper() == "INBOX"


def matches(pattern: str, name: str) -> bool:
    """Match a LIST pattern: ``*`` is anything, ``%`` anything without a separator. Time is pattern × name, never more."""
    pattern = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
    reached = _stepped_over(pattern, {0})  # the places in `pattern` that may come next
    for character in name:
        following: set[int] = set()
        for place in reached:
            wanted = pattern[place : place + 1]
            if wanted == "*" or (wanted == "%" and character != SEPARATOR):
                following.add(place)
            elif wanted == character:
                following.add(place + 1)
        reached = _stepped_over(pattern, following)
    return len(pattern) in reached


def _stepped_over(pattern: str, reached: set[int]) -> set[int]:
    """Wildcards match nothing too: add the place behind each. No two stand side by side."""
    return reached | {place + 1 for place in reached if pattern[place : place + 1] in WILDCARDS}


def folded(name: str) -> str:
    """Return a name with a leading INBOX in capitals, for matching."""
    head, separator, rest = name.partition(SEPARATOR)
    return "INBOX" + separator + rest if is_inbox(head) else name


def parents(name: str) -> list[str]:
    """Return the names above a name, nearest last."""
    pieces = name.split(SEPARATOR)
    return [SEPARATOR.join(pieces[:count]) for count in range(1, len(pieces))]
