"""The absence notice as a message, and whether a letter may be answered at all. Pure.

RFC 5230 §4.5 to §4.7 and §5, RFC 3834 §2 to §4: nobody answers lists, bulk mail, machines, the null sender, or letters that
do not name the owner. The answer has the null sender itself, so that nothing ever answers it.
"""

import re
from collections.abc import Iterable

from mailcore.message import addresses, build, words
from mailcore.message.addresses import Mailbox
from mailcore.sieve.letter import Letter
from mailcore.sieve.outcome import Vacation
from mailcore.sieve.vacation import lines_of

MAX_SUBJECT_CHARS = 200
MAX_REFERENCES_BYTES = 16_384
SEPARATOR = "+"

_LIST_FIELDS = ("list-id", "list-post", "list-unsubscribe", "list-subscribe", "list-help", "list-owner", "list-archive", "mailing-list")
_TO_FIELDS = ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")  # RFC 5230 §4.5
_BULK = frozenset(("bulk", "list", "junk"))
_ROBOT = re.compile(  # RFC 5230 §4.6, RFC 3834 §2, and what machines are called today
    r"(?:mailer-daemon|mail-daemon|listserv|majordomo|postmaster|owner-.*|.*-owner|.*-request|.*-bounces?|bounces?[-+].*"
    r"|no-?reply|do-?not-?reply|.*[-_.]no-?reply)",
    re.IGNORECASE,
)
_ID = re.compile(rb"<[^<>\s]{1,900}>")


def may_be_answered(letter: Letter, own: Iterable[str], notice: Vacation) -> bool:
    """Say whether a letter may get an absence notice; `own` are the owner's addresses as the directory writes them."""
    mine = {_bare(address) for address in (*own, *notice.addresses)}
    return bool(letter.sender) and not _is_robot(letter, mine) and _names(letter, mine)


def _is_robot(letter: Letter, mine: set[str]) -> bool:
    if _ROBOT.fullmatch(letter.sender.rpartition("@")[0]) or _bare(letter.sender) in mine:
        return True
    automatic = (value.partition(";")[0].strip().lower() for value in letter.texts("auto-submitted"))
    return (
        any(value != "no" for value in automatic)
        or any(letter.has(name) for name in _LIST_FIELDS)
        or any(value.lower() in _BULK for value in letter.texts("precedence"))
        or any("all" in value.lower() or "oof" in value.lower() for value in letter.texts("x-auto-response-suppress"))
    )


def _names(letter: Letter, mine: set[str]) -> bool:
    """Say whether the letter was written to the owner, not only sent on (RFC 5230 §4.5)."""
    return any(_bare(box.address) in mine for name in _TO_FIELDS for box in letter.mailboxes(name))


def _bare(address: str) -> str:
    """Return an address without detail, in the form in which two are the same."""
    local, _, domain = address.strip().rpartition("@")
    return f"{local.partition(SEPARATOR)[0]}@{domain}".casefold()


def sender_of(notice: Vacation, own: Iterable[str], owner: Mailbox) -> Mailbox:
    """Return who a notice comes from: what :from says when that address is the owner's, else the owner (RFC 5230 §4.3)."""
    said = addresses.mailboxes(notice.sender.encode("utf-8", "replace"))
    return said[0] if len(said) == 1 and _bare(said[0].address) in {_bare(address) for address in own} else owner


def build_answer(letter: Letter, notice: Vacation, sender: Mailbox, date_us: int, message_id: str, offset_min: int) -> bytes:
    """Return the notice (RFC 5230 §5). Raises ValueError for a sender's address that cannot be written to."""
    subject = notice.subject or f"Auto: {' '.join(letter.texts('subject')[:1])}"
    answered = _ids(letter, "message-id")[:1]
    top = build.headers(
        sender=sender,
        to=[_one(f"<{letter.sender}>")],
        subject=words.clean(subject)[:MAX_SUBJECT_CHARS],
        date_us=date_us,
        message_id=message_id,
        in_reply_to=answered[0] if answered else "",
        references=[*_ids(letter, "references"), *answered],
        extra=[("Auto-Submitted", "auto-replied (vacation)"), ("X-Auto-Response-Suppress", "All")],
        offset_min=offset_min,
    )
    return build.with_entity(top, _entity(notice.reason) if notice.mime else build.body_part(notice.reason))


def _one(text: str) -> Mailbox:
    found = addresses.mailboxes(text.encode("utf-8", "replace"))
    if len(found) != 1:
        raise ValueError("not one mailbox")
    return found[0]


def _ids(letter: Letter, name: str) -> list[str]:
    fields = letter.octets(name)[:1]
    return [found.decode("ascii") for field in fields for found in _ID.findall(field[:MAX_REFERENCES_BYTES]) if found.isascii()]


def _entity(text: str) -> bytes:
    """Return a MIME entity as the script wrote it (:mime), its line breaks CRLF."""
    octets = lines_of(text).replace("\n", "\r\n").encode("utf-8", "replace")
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"
