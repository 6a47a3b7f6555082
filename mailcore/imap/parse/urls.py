"""URLs of messages and parts of them on this server. RFC 5092 §5 to §7, as far as RFC 4469 §3 needs them: relative ones."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mailcore.imap.parse.cursor import MAX_NUMBER, BadSyntax, Cursor
from mailcore.imap.parse.fetching import section_text
from mailcore.message.section import Section

MAX_URL = 2000  # characters: the longest name and the longest section in percents
_URL = re.compile(
    r"(?:/(?P<mailbox>[^;?#]+?)(?:;UIDVALIDITY=(?P<uidvalidity>[1-9]\d{0,9}))?/)?;UID=(?P<uid>[1-9]\d{0,9})"
    r"(?:/;SECTION=(?P<section>[^;?#]+?))?(?:/;PARTIAL=(?P<first>\d{1,10})(?:\.(?P<count>[1-9]\d{0,9}))?)?",
    re.IGNORECASE,
)
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,=:@/;]|%[0-9A-Fa-f]{2})+")  # bchar and what separates (RFC 5092 §11)


@dataclass(frozen=True, slots=True)
class MessageUrl:
    """What a URL names; `mailbox` is None for the selected one. `partial` is (first octet, how many or None for all)."""

    mailbox: str | None
    uidvalidity: int | None
    uid: int
    section: Section
    partial: tuple[int, int | None]


def message_url(text: str) -> MessageUrl:
    """Read a URL relative to this server, or to the selected mailbox. Raises BadSyntax for any other, and for those with URLAUTH."""
    found = _URL.fullmatch(text) if len(text) <= MAX_URL and _CHARACTERS.fullmatch(text) else None
    if found is None:
        raise BadSyntax("not the URL of a message here")
    uidvalidity, count = found["uidvalidity"], found["count"]
    return MessageUrl(
        _name(found["mailbox"]) if found["mailbox"] is not None else None,
        _number(uidvalidity) if uidvalidity is not None else None,
        _number(found["uid"]),
        _section(found["section"]),
        (_number(found["first"] or "0"), _number(count) if count is not None else None),
    )


def _name(written: str) -> str:
    try:
        return unicodedata.normalize("NFC", unquote_to_bytes(written).decode("utf-8"))
    except UnicodeDecodeError:
        raise BadSyntax("the name in this URL is not UTF-8") from None


def _number(written: str) -> int:
    number = int(written)
    if number > MAX_NUMBER:
        raise BadSyntax("number too large")
    return number


def _section(written: str | None) -> Section:
    if written is None:
        return Section()
    cursor = Cursor(unquote_to_bytes(written) + b"]")
    found, _ = section_text(cursor)
    cursor.expect(b"]")
    cursor.end()
    return found
