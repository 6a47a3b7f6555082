"""Mailbox names on the wire, the namespaces that they stand in, and patterns over them.

RFC 3501 §5.1.3 (modified UTF-7), §6.3.8 (LIST wildcards); RFC 2342 §5 (namespaces).
"""

import binascii
import re
import unicodedata
from dataclasses import dataclass

from mailcore.errors import BadMailboxName

SEPARATOR = "/"
OTHERS, SHARED = "Other Users", "Shared"  # namespaces: other people's mailboxes; those of posts and units
_FOLDED = {namespace.casefold(): namespace for namespace in (OTHERS, SHARED)}
NAMESPACES = {"person": OTHERS, "post": SHARED, "unit": SHARED}  # by what the account is
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
    if wire.isalnum():  # ASCII, and what most are
        return wire.decode("ascii")
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


@dataclass(frozen=True, slots=True)
class Foreign:
    """A name in a namespace that is not one's own: whose mailboxes, and which of them, as their account calls it."""

    namespace: str
    address: str
    name: str


def foreign(name: str) -> Foreign | None:
    """Return what a name of another namespace means, None for one's own.

    ``Shared/ADDRESS`` itself is the INBOX of that account, what stands below it its other mailboxes.
    """
    top, _, rest = name.partition(SEPARATOR)
    namespace = _reserved(top)
    address, _, inner = rest.partition(SEPARATOR)
    if not namespace or "@" not in address:
        return None
    return Foreign(namespace, address, inner.removesuffix(SEPARATOR) or "INBOX")


def is_reserved(name: str) -> bool:
    """Say whether a name stands in or is a namespace of others: nobody makes mailboxes of their own there."""
    return bool(_reserved(name.partition(SEPARATOR)[0]))


def _reserved(top: str) -> str:
    return _FOLDED.get(top.casefold(), "")


def root(namespace: str, address: str) -> str:
    """Return the name of an account's INBOX for somebody else."""
    return f"{namespace}{SEPARATOR}{address}"


def shown(at: str, name: str) -> str:
    """Return the name that a mailbox of the account at this root has for somebody else."""
    return at if is_inbox(name) else f"{at}{SEPARATOR}{name}"


class Pattern:
    """A LIST pattern: ``*`` is anything, ``%`` anything without a separator.

    All places that may come next are bits of one number, so a match takes a few operations for each character of the name,
    whatever the pattern.
    """

    __slots__ = ("_end", "_literal", "_loops", "_places", "_start", "_stays", "has_percent", "levels")

    def __init__(self, pattern: str) -> None:
        pattern = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
        self.has_percent = "%" in pattern
        self.levels = pattern.endswith("%")  # levels that are no mailboxes are wanted too (RFC 3501 §6.3.8)
        self._literal = re.split(r"[*%]", pattern, maxsplit=1)[0]
        self._places: dict[str, int] = {}
        self._loops = self._stays = 0
        for place, character in enumerate(pattern):
            if character in WILDCARDS:
                self._loops |= 1 << place
                self._stays |= (character == "*") << place
            else:
                self._places[character] = self._places.get(character, 0) | 1 << place
        self._start, self._end = self._over(1), 1 << len(pattern)

    def _over(self, reached: int) -> int:
        """Wildcards match nothing too: add the place behind each. No two stand side by side."""
        return reached | (reached & self._loops) << 1

    def matches(self, name: str) -> bool:
        """Say whether a whole name matches."""
        if not name.startswith(self._literal):
            return False
        reached = self._start
        for character in name:
            stays = self._stays if character == SEPARATOR else self._loops
            reached = self._over((reached & self._places.get(character, 0)) << 1 | reached & stays)
        return bool(reached & self._end)

    def may_match_below(self, top: str) -> bool:
        """Say whether a name that begins with `top` could match."""
        return top.startswith(self._literal) or self._literal.startswith(top)


def matches(pattern: str, name: str) -> bool:
    """Match one name with a LIST pattern."""
    return Pattern(pattern).matches(name)


def folded(name: str) -> str:
    """Return a name with a leading INBOX in capitals, for matching."""
    head, separator, rest = name.partition(SEPARATOR)
    return "INBOX" + separator + rest if is_inbox(head) else name


def parents(name: str) -> list[str]:
    """Return the names above a name, nearest last."""
    pieces = name.split(SEPARATOR)
    return [SEPARATOR.join(pieces[:count]) for count in range(1, len(pieces))]
