"""How a letter begins: empty, to somebody, as an answer or as a forward."""

import re
from collections.abc import Mapping
from dataclasses import replace

from mailcore.message import content
from mailcore.message.build import Attachment
from mailcore.store.types import Flag
from webmail import drafts, encryption, plaintext, readers, reading, recipients, replies
from webmail.bidi import plain
from webmail.desk import Box, Desk
from webmail.disposition import file_name
from webmail.language import gettext as _
from webmail.language import moment
from webmail.letters import Letter
from webmail.reading import Opened

_SOURCE = re.compile(r"(?:(\d{1,18})\.)?(\d{1,18})\.(\d{1,18})")  # of another mailbox than the one written in, its account first
KINDS = ("reply", "all", "forward")


async def begin(desk: Desk, box: Box, query: Mapping[str, str]) -> Letter:
    """Return the letter that an address of the compose page asks for. Raises NoSuchMailbox, NoSuchMessage."""
    for kind in KINDS:
        source = _SOURCE.fullmatch(query.get(kind, ""))
        if source:
            read = desk.box(int(source[1])) if source[1] else box
            _, came = await reading.open_message(desk, read, int(source[2]), int(source[3]))
            opened = (await readers.unwrapped(desk, read, came)).opened
            sender = _sender(desk, box, read.account_id)
            letter = (
                _forward(sender, source[0], opened) if kind == "forward" else _answer(desk, sender, read, opened, everyone=kind == "all")
            )
            return replace(letter, options=(encryption.NAME,)) if encryption.is_encrypted(came) else letter
    wanted = query.get("from", "")
    sender = _sender(desk, box, int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 19 else box.account_id)
    return Letter(sender=sender, to=plain(query.get("to", ""))[:1000], nonce=drafts.new_nonce())


def _sender(desk: Desk, box: Box, account_id: int) -> int:
    """Return under whose name a letter begins: that mailbox's, when the visitor may send from it, else that of the writing desk."""
    return account_id if desk.sender(account_id) is not None else box.account_id if box.sends else desk.own.account_id


def _answer(desk: Desk, sender: int, read: Box, opened: Opened, *, everyone: bool) -> Letter:
    own = {one.address.casefold() for one in desk.boxes}
    to = reading.answers_to(opened)
    if all(one.address.casefold() in own for one in to) and opened.people(b"to"):
        to = opened.people(b"to")  # going on with what one has sent oneself
    to = replies.others(to, set())
    known = own | {one.address.casefold() for one in to}
    copies = replies.others((*opened.people(b"to"), *opened.people(b"cc")), known) if everyone else ()
    message_ids = reading.identifiers(opened.field(b"message-id"))
    parents = reading.identifiers(opened.field(b"in-reply-to"))
    message_id = message_ids[0] if message_ids else ""
    return Letter(
        sender=sender,
        to=recipients.show(to),
        cc=recipients.show(copies),
        subject=replies.answer_subject(plain(opened.summary.subject)),
        text=f"\n\n{_attribution(opened)}\n{replies.quoted(_text(opened))}\n",
        in_reply_to=message_id,
        references=replies.chain(reading.identifiers(opened.field(b"references")), parents[0] if len(parents) == 1 else "", message_id),
        answers=f"{read.account_id}.{opened.mailbox.key.mailbox_id}.{opened.stored.uid}" if _is_received(opened) else "",
        nonce=drafts.new_nonce(),
    )


def _forward(sender: int, source: str, opened: Opened) -> Letter:
    """A signed message travels whole, as a file, so that its signature can still be checked; others as text and files."""
    subject = plain(opened.summary.subject)
    head = [
        _("Forwarded message"),
        f"{_('From')}: {recipients.show(opened.people(b'from'))}",
        f"{_('Date')}: {moment(opened.summary.date_us or opened.stored.internaldate_us)}",
        f"{_('Subject')}: {subject}",
        f"{_('To')}: {recipients.show(opened.people(b'to'))}",
    ]
    if opened.summary.signed:
        files: tuple[Attachment, ...] = (Attachment(f"{file_name(subject, 'message')}.eml", "message/rfc822", opened.raw),)
    else:
        files = drafts.files(opened, content.readable(opened.raw, opened.header))
    return Letter(
        sender=sender,
        subject=replies.forward_subject(subject),
        text="\n\n" + "\n".join(head) + f"\n\n{_text(opened)}\n",
        attachments=files,
        forwards=source if files else "",
        nonce=drafts.new_nonce(),
    )


def _attribution(opened: Opened) -> str:
    sender = opened.people(b"from")
    name = (sender[0].name or sender[0].address) if sender else _("unknown")
    return _("%(name)s wrote on %(day)s:") % {
        "name": name,
        "day": moment(opened.summary.date_us or opened.stored.internaldate_us),
    }


def _text(opened: Opened) -> str:
    readable = content.readable(opened.raw, opened.header)
    return (readable.plain if readable.plain is not None else plaintext.from_html(readable.html or ""))[: plaintext.MAX_CHARACTERS]


def _is_received(opened: Opened) -> bool:
    return not opened.stored.flags & Flag.DRAFT
