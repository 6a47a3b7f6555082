"""What the server says, as octets for the wire. RFC 3501 §7, RFC 5530 (response codes)."""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mailcore.imap import names
from mailcore.store import rights
from mailcore.store.rights import Rights
from mailcore.store.types import MAX_KEYWORDS, Flag, MailboxKey

SYSTEM = {
    int(Flag.ANSWERED): b"\\Answered",
    int(Flag.FLAGGED): b"\\Flagged",
    int(Flag.DELETED): b"\\Deleted",
    int(Flag.SEEN): b"\\Seen",
    int(Flag.DRAFT): b"\\Draft",
}
ROLES = {  # RFC 6154 §2; INBOX needs no attribute
    "archive": b"\\Archive",
    "drafts": b"\\Drafts",
    "junk": b"\\Junk",
    "sent": b"\\Sent",
    "trash": b"\\Trash",
}
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
_UNSAYABLE = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: OK, NO or BAD, with a response code (without brackets) or ''.

    With `reaches` the code is HIGHESTMODSEQ, for who follows modseqs: as it is once all has been told (RFC 7162 §3.2.7).
    """

    kind: str
    text: str
    code: str = ""
    reaches: bool = False

    def line(self, tag: bytes) -> bytes:
        """Return the tagged response."""
        return b"%b %b\r\n" % (tag, status(self.kind, self.text, self.code))


Response = bytes | Done  # untagged responses are octets, whole lines; Done comes last
Responses = AsyncGenerator[Response, None]  # what a handler is


def ok(text: str, code: str = "") -> Done:
    """Return the end of a command that went well."""
    return Done("OK", text, code)


def reached(text: str) -> Done:
    """Return the end of a command that removed messages."""
    return Done("OK", text, reaches=True)


def no(text: str, code: str = "") -> Done:
    """Return the end of a command that was refused."""
    return Done("NO", text, code)


def bad(text: str, code: str = "") -> Done:
    """Return the end of a command that is not one."""
    return Done("BAD", text, code)


@lru_cache(maxsize=512)
def status(kind: str, text: str, code: str = "") -> bytes:
    """Write a status response without its tag. Text is kept to printable ASCII."""
    said = _UNSAYABLE.sub("?", text)
    return (f"{kind} [{code}] {said}" if code else f"{kind} {said}").encode("ascii")


def untagged(kind: str, text: str, code: str = "") -> bytes:
    """Write an untagged status response: OK, NO, BAD, BYE."""
    return b"* %b\r\n" % status(kind, text, code)


def literal(octets: bytes) -> bytes:
    """Write octets as a literal."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def quoted(octets: bytes) -> bytes:
    """Write octets as a quoted string, or as a literal when no quoted string can hold them."""
    if _QUOTABLE.fullmatch(octets) is None or len(octets) > 1000:
        return literal(octets)
    return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def mailbox(name: str, *, utf8: bool = False) -> bytes:
    """Write a mailbox name. INBOX is an atom as clients expect it; NIL must not be (RFC 3501 §4.5).

    With `utf8` it is UTF-8 in a quoted string (RFC 6855 §3; clients choke on literals there).
    """
    octets = names.encode(name, utf8=utf8)
    if utf8 and not octets.isascii():
        return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return octets if _ATOM.fullmatch(octets) and octets.upper() != b"NIL" else quoted(octets)


def mailbox_id(key: MailboxKey) -> str:
    """Return a mailbox's object id: it stays when the mailbox is renamed and is never another's (RFC 8474 §4)."""
    return f"F{key.account_id}-{key.mailbox_id}"


def exists(count: int) -> bytes:
    """Write how many messages the mailbox has."""
    return b"* %d EXISTS\r\n" % count


def expunge(number: int) -> bytes:
    """Write that a message is gone, by its sequence number."""
    return b"* %d EXPUNGE\r\n" % number


class FlagWriter:
    """Writes flags; knows the account's keywords by bit, and remembers what it wrote."""

    __slots__ = ("_keywords", "_known", "_written", "room", "shown")

    def __init__(self, keywords: Mapping[int, str], *, room: bool | None = None) -> None:
        self.shown = keywords
        self.room = len(keywords) < MAX_KEYWORDS if room is None else room  # for new ones; a guest is not shown all that there are
        self._keywords = {**SYSTEM, **{bit: name.encode("ascii", "replace") for bit, name in keywords.items()}}
        self._known = sum(self._keywords)
        self._written: dict[int, bytes] = {}

    def knows(self, flags: int) -> bool:
        """Say whether every keyword in `flags` has a name here."""
        return not flags & ~self._known

    def write(self, flags: int) -> bytes:
        """Return flags in parentheses."""
        found = self._written.get(flags)
        if found is None:
            found = self._written[flags] = b"(%b)" % b" ".join(self._names(flags))
        return found

    def _names(self, flags: int) -> Iterable[bytes]:
        return (name for bit, name in self._keywords.items() if flags & bit)

    def all(self) -> bytes:
        """Return every flag of the account: what FLAGS announces."""
        return self.write(self._known)

    def permanent(self, given: Rights = rights.ALL) -> bytes:
        """Return what PERMANENTFLAGS announces: the flags that may be changed with these rights, and whether new keywords may be made.

        They may not when the account has as many as it can have (RFC 9051 §7.1).
        """
        kept = self.write(self._known & rights.settable(given))
        return b"(%b \\*)" % kept[1:-1] if self.room and "w" in given else kept

    def bits(self, keywords: Iterable[str]) -> int | None:
        """Return the bits of keywords, None when one of them is new."""
        folded = {name.decode("ascii").casefold(): bit for bit, name in self._keywords.items()}
        total = 0
        for keyword in keywords:
            bit = folded.get(keyword.casefold())
            if bit is None:
                return None
            total |= bit
        return total
