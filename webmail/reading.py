"""One message, opened: what its page shows, and what its signature is worth.

Only what is inside the signed part is shown as signed: preamble, epilogue and further parts of a multipart/signed make it
undecided rather than silently trusted. RFC 1847 §2.1, RFC 8551 §3.5.
"""

import base64
from dataclasses import dataclass

from markupsafe import Markup

from config.database import Tx
from directory import resolve, search, units
from directory.types import AccountKind, Suggestion, Unit
from mailcore.errors import NoSuchMailbox
from mailcore.judging import judging
from mailcore.message import addresses, content, headers, words
from mailcore.message.addresses import Mailbox as Person
from mailcore.message.signed import signed
from mailcore.message.types import ACTING_FIELD, Header, Span, Summary
from mailcore.store import mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, Flag, Mailbox, MailboxId, MailboxKey, Stored
from signing.judging import overall
from signing.verdict import Verdict
from webmail import letters, plaintext, sanitise
from webmail.bidi import plain
from webmail.desk import Box, Desk
from webmail.disposition import file_name
from webmail.errors import NoSuchMessage
from webmail.language import pick
from webmail.trace import is_from_outside

MAX_INLINE_BYTES = 4_000_000  # images that came with the message and are shown inside its text


@dataclass(frozen=True, slots=True)
class Opened:
    """A message and its octets."""

    mailbox: Mailbox
    stored: Stored
    summary: Summary
    header: Header
    raw: bytes

    def field(self, name: bytes) -> bytes:
        """Return the first value of a header field, unfolded; b"" when it is absent."""
        found = next((octets for lower, octets in self.header.fields if lower == name), b"")
        return headers.unfold(found.partition(b":")[2])

    def count(self, name: bytes) -> int:
        """Return how many fields of this name the header has."""
        return sum(lower == name for lower, _ in self.header.fields)

    def people(self, name: bytes) -> tuple[Person, ...]:
        """Return the mailboxes of an address field, names made safe to show."""
        return tuple(Person(plain(one.name), plain(one.local), plain(one.domain)) for one in addresses.mailboxes(self.field(name)))


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as the page lists it."""

    path: str
    filename: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Page:
    """What the reading page shows. `text` is safe markup or None; `html` says whether there is a formatted version.

    `acting` is who sent it in the author's name: on behalf of them when `on_behalf`, else as them. () when they did so themselves.
    """

    uid: int
    subject: str
    sender: tuple[Person, ...]
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    at_us: int
    flagged: bool
    text: Markup | None
    html: bool
    blocked: int
    attachments: tuple[File, ...]
    differs: tuple[letters.Difference, ...]
    acting: tuple[Person, ...]
    on_behalf: bool


def folders(tx: Tx, account_id: int, limit: str = "") -> list[Mailbox]:
    """Return every folder of an account; of one lent in part, the folder `limit` and those below it."""
    return [one for one in mailboxes.listing(tx, AccountId(account_id)) if mailboxes.is_within(one.name, limit)]


def folder(tx: Tx, account_id: int, mailbox_id: int, limit: str = "") -> tuple[list[Mailbox], Mailbox]:
    """Return the folders of an account and the one that is asked for. Raises NoSuchMailbox."""
    listing = folders(tx, account_id, limit)
    found = next((one for one in listing if one.key.mailbox_id == mailbox_id), None)
    if found is None:
        raise NoSuchMailbox(mailbox_id=mailbox_id)
    return listing, found


def locate(tx: Tx, account_id: int, mailbox_id: int, uid: int, limit: str = "") -> tuple[list[Mailbox], Mailbox, Stored]:
    """Return a message that is there now. Raises NoSuchMailbox, NoSuchMessage."""
    listing, mailbox = folder(tx, account_id, mailbox_id, limit)
    key = MailboxKey(AccountId(account_id), MailboxId(mailbox_id))
    newest = messages.page(tx, key, uid + 1, 1)  # unlike fetch it does not find what was expunged a moment ago
    if not newest or newest[0].uid != uid:
        raise NoSuchMessage(uid=uid)
    return listing, mailbox, messages.fetch(tx, key, [uid], summary=True, header=True)[0]


async def open_message(desk: Desk, box: Box, mailbox_id: int, uid: int) -> tuple[list[Mailbox], Opened]:
    """Return the folders and the opened message. Raises NoSuchMailbox, NoSuchMessage, Damaged."""
    key = await desk.key(box)
    listing, mailbox, stored = await desk.services.db.read(locate, box.account_id, mailbox_id, uid, box.folder)
    return listing, await open_stored(desk, key, mailbox, stored)


async def open_stored(desk: Desk, key: AccountKey, mailbox: Mailbox, stored: Stored) -> Opened:
    """Read the octets of a located message. Raises Damaged."""
    raw = await desk.services.store.raw(key, stored)
    return Opened(mailbox, stored, key.summary(stored), key.header(stored), raw)


def page(opened: Opened) -> Page:
    """Return what the reading page shows."""
    readable = content.readable(opened.raw, opened.header)
    cleaned = None if readable.html is None else clean(opened, readable)
    text = readable.plain
    if text is None and readable.html is not None and cleaned is None:
        text = plaintext.from_html(readable.html)  # too big or too deep for the sanitiser
    return Page(
        uid=opened.stored.uid,
        subject=plain(opened.summary.subject),
        sender=opened.people(b"from"),
        to=opened.people(b"to"),
        cc=opened.people(b"cc"),
        bcc=opened.people(b"bcc"),
        at_us=opened.summary.date_us or opened.stored.internaldate_us,
        flagged=bool(opened.stored.flags & Flag.FLAGGED),
        text=None if text is None else plaintext.render(text),
        html=cleaned is not None,
        blocked=cleaned.blocked if cleaned else 0,
        attachments=tuple(File(span.path, name_of(span), content.decoded_size(opened.raw, span)) for span in readable.attachments),
        differs=differences(opened),
        acting=acting(opened),
        on_behalf=is_from_outside(opened.header) or not opened.field(ACTING_FIELD.lower().encode()),
    )


def differences(opened: Opened) -> tuple[letters.Difference, ...]:
    """Return the header fields of a signed letter that are not those that were signed."""
    found = signed(opened.header.spans)
    if found is None:
        return ()
    covered, _ = found
    return letters.differences(opened.raw, covered.header_start, covered.body_start, opened.header.fields)


def answers_to(opened: Opened) -> tuple[Person, ...]:
    """Return to whom an answer goes: where its author asks for it, unless that is not what they signed."""
    asked = opened.people(b"reply-to")
    return asked if asked and all(one.name != "Reply-To" for one in differences(opened)) else opened.people(b"from")


def acting(opened: Opened) -> tuple[Person, ...]:
    """Return who sent a message in its author's name (RFC 5322 §3.6.2); () when the author did."""
    ours = () if is_from_outside(opened.header) else opened.people(ACTING_FIELD.lower().encode())
    named = ours or opened.people(b"sender")
    author = {one.address.casefold() for one in opened.people(b"from")}
    return named[:1] if named and named[0].address.casefold() not in author else ()


def name_of(span: Span) -> str:
    """Return what an attachment is called when it is saved."""
    fallback = "message.eml" if span.is_message else f"document.{span.subtype}"[:40]
    return file_name(span.filename, fallback)


def clean(opened: Opened, readable: content.Readable) -> sanitise.Clean | None:
    """Return the formatted version made harmless, with the images that came with it; None when it is too big or deep."""
    room = MAX_INLINE_BYTES
    inline: dict[str, str] = {}
    for content_id, span in readable.inline.items():
        room -= span.end - span.body_start
        if span.subtype in ("png", "gif", "jpeg", "webp") and room > 0:
            data = base64.b64encode(content.decoded(opened.raw, span)).decode()
            inline[content_id] = f"data:image/{span.subtype};base64,{data}"
    return sanitise.clean(readable.html or "", inline)


async def judge(desk: Desk, opened: Opened) -> Verdict | None:
    """Return what the signatures of a message are worth now, taken together, or None when it carries none."""
    verdicts = await judge_all(desk, opened)
    return overall(verdicts) if verdicts else None


async def judge_all(desk: Desk, opened: Opened) -> tuple[Verdict, ...]:
    """Return what each signature of a message is worth now, that of its author first; () when it carries none."""
    found = signed(opened.header.spans)
    if found is None:
        return ()
    covered, signature = found
    entity = opened.raw[covered.header_start : covered.end]
    cms_der = content.decoded(opened.raw, signature)
    sender = opened.people(b"from") if opened.count(b"from") == 1 else ()  # of two, each program shows another one
    address = sender[0].address if len(sender) == 1 else ""
    judged = await judging(desk.services).each(entity, cms_der, address, desk.services.clock.now_us())
    return judged if len(judged) == 1 else await _signatory_first(desk, judged)


async def _signatory_first(desk: Desk, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Return verdicts with the seal of the author's office behind their signature: both have one address, and DER orders them by chance."""
    found, first = await desk.services.db.peek(_listed, verdicts[0].address), verdicts[0]
    office = found[2] if found is not None else None
    if office is None or first.signer_name != office.name_fr:
        return verdicts
    ahead = [one for one in verdicts[1:] if one.address == first.address and one.signer_name != office.name_fr]
    return (*ahead, *(one for one in verdicts if one not in ahead))


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, in the reader's language."""

    name: str
    organisation: str


async def signer(desk: Desk, judged: Verdict) -> Signer:
    """Return who signed: as our directory calls the proven address, in the reader's script, else as the certificate says.

    The seal of an office has the address of its post, and the name of the office.
    """
    as_certified = Signer(plain(judged.signer_name), plain(judged.organisation))
    if judged.status != "valid":
        return as_certified
    found = await desk.services.db.peek(_listed, judged.address)
    if found is None:
        return as_certified
    one, kind, office = found
    if office is not None and kind == "post" and judged.signer_name == office.name_fr:
        return Signer(pick(office.name_ar, office.name_fr), pick(one.organisation_ar, one.organisation_fr))
    name = pick(one.title_ar, one.title_fr) if kind != "person" else pick(one.name_ar, one.name_fr)
    return Signer(name or as_certified.name, pick(one.organisation_ar, one.organisation_fr) or as_certified.organisation)


def _listed(tx: Tx, address: str) -> tuple[Suggestion, AccountKind, Unit | None] | None:
    target = resolve.written(tx, address)
    one = search.describe(tx, target.account_id) if target is not None else None
    return (one, target.kind, units.office(tx, target.account_id)) if one is not None and target is not None else None


def identifiers(value: bytes) -> tuple[str, ...]:
    """Return the message identifiers of a References or Message-ID field, with their brackets."""
    text = words.clean(value.decode("utf-8", "replace"))
    return tuple(part for part in text.replace("><", "> <").split() if part.startswith("<") and part.endswith(">"))
