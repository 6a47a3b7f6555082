"""A letter being written, as a value, and the octets it becomes. Pure.

RFC 5322 §3.6 (fields), RFC 8551 §3 (clear signing), RFC 9788 §3 (header protection of signed and of encrypted mail).
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.message import build, date, headers, words
from mailcore.message.addresses import Mailbox
from mailcore.message.build import Attachment

PROTECTED = (b"from", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id")
_CONTENT_TYPE = re.compile(rb"\AContent-Type:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", re.IGNORECASE)
_HP = re.compile(rb';\s*hp\s*=\s*"?(?:clear|cipher)"?', re.IGNORECASE)
_OLD = re.compile(rb';\s*protected-headers\s*=\s*"?v1"?', re.IGNORECASE)  # Thunderbird's, often of the subject alone
HIDDEN = {b"subject": b"Subject: [...]\r\n", b"comments": b"", b"keywords": b""}  # RFC 9788 §3.2.1, its baseline


@dataclass(frozen=True, slots=True)
class Letter:
    """What a person has typed so far. `sender` is the account written from; recipients are as typed.

    `options` are names of `webmail.writers.OPTIONS`.

    `answers` names the message that is answered as ``account.mailbox.uid``, `forwards` the one whose files come along as
    ``mailbox.uid`` until there is a draft to hold them; `nonce` makes sending happen once.
    """

    sender: int
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    sign: bool = False
    options: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    answers: str = ""
    forwards: str = ""
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A letter whose recipients are read, ready to be sent."""

    letter: Letter
    sender: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address once, in the order To, Cc, Bcc."""
        return tuple({one.address.casefold(): one.address for one in (*self.to, *self.cc, *self.bcc)}.values())


@dataclass(frozen=True, slots=True)
class Difference:
    """A header field that is not what was signed. `signed` is what it said then, "" when it was not there."""

    name: str
    signed: str


def top(addressed: Addressed, message_id: str, date_us: int, offset_min: int) -> bytes:
    """Return the header fields above the body, without Bcc. Raises ValueError when a value would become a second field."""
    letter = addressed.letter
    return build.headers(
        sender=addressed.sender,
        to=addressed.to,
        cc=addressed.cc,
        subject=letter.subject,
        date_us=date_us,
        message_id=message_id,
        in_reply_to=letter.in_reply_to,
        references=letter.references,
        offset_min=offset_min,
    )


def entity(letter: Letter) -> bytes:
    """Return the text and the files as a MIME entity."""
    return build.body_part(letter.text, None, letter.attachments)


def confidential(top_fields: bytes) -> bytes:
    """Return the header fields as they stand above an encrypted letter: the subject is told inside only (RFC 9788 §3.2.1)."""
    fields, _ = headers.scan(top_fields + b"\r\n")
    return b"".join(HIDDEN.get(field.lower, top_fields[field.start : field.end]) for field in fields)


def protect(top_fields: bytes, plain: bytes, outer: bytes = b"") -> bytes:
    """Return the entity with a copy of the header inside, so that the signature covers it (RFC 9788 §3.1).

    ``hp="clear"`` says what the copies are; older Thunderbird knows them as ``protected-headers="v1"``. `outer` is the header
    of a letter that will be encrypted: then it is ``hp="cipher"``, and HP-Outer says what stood outside (§2.2).
    """
    match = _CONTENT_TYPE.match(plain)
    if match is None:
        raise ValueError("an entity begins with its Content-Type")
    outside = b"".join(b"HP-Outer: " + field for field in _copies(outer))
    marked = match[0] + b';\r\n protected-headers="v1"; hp="%s"' % (b"cipher" if outer else b"clear")
    return b"".join(_copies(top_fields)) + outside + marked + plain[match.end() :]


def _copies(top_fields: bytes) -> list[bytes]:
    fields, _ = headers.scan(top_fields + b"\r\n")
    return [top_fields[field.start : field.end] for field in fields if field.lower in PROTECTED]


def hp(content_type: bytes) -> bool:
    """Say whether a Content-Type says that header fields beside it are protected (RFC 9788 §2.1), or so in the old way."""
    return bool(_HP.search(content_type) or _OLD.search(content_type))


def whole(content_type: bytes) -> bool:
    """Say whether all protected fields are there, so that one which is not there was not written by the author (RFC 9788 §4)."""
    return bool(_HP.search(content_type))


def differences(raw: bytes, start: int, body_start: int, top_fields: Sequence[tuple[bytes, bytes]]) -> tuple[Difference, ...]:
    """Return the header fields that differ from the copies that were signed; () when there are no copies.

    raw[start:body_start] is the header of the signed part (RFC 9788 §4).
    """
    fields, _ = headers.scan(raw, start, body_start)
    inside = {field.lower: raw[field.value_start : field.end] for field in reversed(fields)}
    if not hp(inside.get(b"content-type", b"")):
        return ()
    names = PROTECTED if whole(inside[b"content-type"]) else tuple(name for name in PROTECTED if name in inside)
    outside: dict[bytes, bytes] = {}
    for name, octets in top_fields:
        outside[name] = outside.get(name, b"") + octets.partition(b":")[2]  # one that stands twice is not what was signed
    pairs = ((name, _unfolded(inside.get(name, b"")), _unfolded(outside.get(name, b""))) for name in names)
    return tuple(Difference(name.decode().title(), words.decode_words(signed)) for name, signed, shown in pairs if signed != shown)


def _unfolded(value: bytes) -> bytes:
    return b" ".join(headers.unfold(value).split())


def trace(hostname: str, queue_id: str, at_us: int, offset_min: int) -> bytes:
    """Return the Received field of a message that enters here (RFC 5321 §4.4). The writer's machine is not named."""
    return words.encode_header("Received", f"by {hostname} (Diwan webmail) with HTTPS id {queue_id}; {date.format_date(at_us, offset_min)}")


def fingerprint(addressed: Addressed) -> str:
    """Return a digest of all that a reader of the confirmation page sees: what is signed must be what was shown."""
    letter = addressed.letter
    shown = [
        addressed.sender.address,
        *([one.address for one in group] for group in (addressed.to, addressed.cc, addressed.bcc)),
        letter.subject,
        letter.text,
        [[file.filename, digest(file)] for file in letter.attachments],
        list(letter.options),
    ]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def digest(file: Attachment) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.data).hexdigest()
