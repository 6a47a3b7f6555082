"""Drafts: a letter in the making is an ordinary message in the Drafts folder, so that every mail program can go on with it.

What only this webmail needs (who signs, what is answered) stands in one header field of its own, which never leaves.
"""

import json
import secrets
from dataclasses import replace

from config.clock import Clock
from config.database import Tx
from mailcore.message import build, content, words
from mailcore.message.build import Attachment
from mailcore.store import mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, Flag, MailboxKey, Prepared
from webmail import plaintext, reading, recipients
from webmail.bidi import plain
from webmail.desk import Box, Desk
from webmail.letters import Letter
from webmail.times import offset_min

FIELD = "X-Diwan-Draft"


async def save(desk: Desk, box: Box, letter: Letter, uid: int) -> int:
    """Keep a letter in the Drafts of `box` in place of the draft `uid` (0: a new one); return its new UID.

    Recipients that are no addresses are left out: the caller still has them as typed.
    """
    store = desk.services.store
    prepared = await store.prepare(_octets(desk, letter))
    await store.keep(prepared)
    return await desk.services.db.write(_replace, await desk.key(box), prepared, uid)


async def load(desk: Desk, box: Box, uid: int) -> Letter:
    """Return the letter that a draft holds. Raises NoSuchMessage, Damaged."""
    drafts = await desk.services.db.read(mailboxes.by_role, AccountId(box.account_id), "drafts")
    _, opened = await reading.open_message(desk, box, drafts.key.mailbox_id, uid)
    readable = content.readable(opened.raw, opened.header)
    own = _own(opened.field(FIELD.lower().encode()))
    sender = own.get("sender", 0)
    in_reply_to = reading.identifiers(opened.field(b"in-reply-to"))
    return Letter(
        sender=sender if isinstance(sender, int) and desk.sender(sender) else box.account_id,
        to=recipients.show(opened.people(b"to")),
        cc=recipients.show(opened.people(b"cc")),
        bcc=recipients.show(opened.people(b"bcc")),
        subject=opened.summary.subject,
        text=readable.plain if readable.plain is not None else plaintext.from_html(readable.html or ""),
        sign=own.get("sign") is True,
        options=_options(own.get("options")),
        attachments=files(opened, readable),
        in_reply_to=in_reply_to[0] if in_reply_to else "",
        references=reading.identifiers(opened.field(b"references")),
        answers=str(own.get("answers", "")),
        nonce=str(own.get("nonce", "")) or new_nonce(),
    )


def files(opened: reading.Opened, readable: content.Readable) -> tuple[Attachment, ...]:
    """Return the attachments of a message as files to send."""
    return tuple(
        Attachment(reading.name_of(span), f"{span.type}/{span.subtype}", content.decoded(opened.raw, span)) for span in readable.attachments
    )


def remove(tx: Tx, account_id: int, uid: int) -> None:
    """Remove a draft for good."""
    if uid:
        key = mailboxes.by_role(tx, AccountId(account_id), "drafts").key
        erase(tx, key, [uid])


def erase(tx: Tx, key: MailboxKey, uids: list[int]) -> int:
    """Remove messages for good; return how many there were."""
    messages.store_flags(tx, key, uids, "add", Flag.DELETED)
    return len(messages.expunge(tx, key, uids).uids)


def new_nonce() -> str:
    """Return what makes a letter be sent once."""
    return secrets.token_hex(16)


def _octets(desk: Desk, letter: Letter) -> bytes:
    """Return the draft as a message. A subject of several lines is kept as one."""
    sender = desk.sender(letter.sender) or desk.own
    clock: Clock = desk.services.clock
    own = {"sender": letter.sender, "sign": letter.sign, "options": letter.options, "answers": letter.answers, "nonce": letter.nonce}
    tame = replace(letter, subject=plain(letter.subject))
    top = build.headers(
        sender=recipients.mailbox(sender.official, sender.address),
        to=recipients.parse(letter.to).mailboxes,
        cc=recipients.parse(letter.cc).mailboxes,
        subject=tame.subject,
        date_us=clock.now_us(),
        message_id=f"{secrets.token_hex(16)}@{desk.services.settings.node.hostname}",
        in_reply_to=letter.in_reply_to,
        references=letter.references,
        offset_min=offset_min(clock.now_us()),
    )
    bcc = build.addresses("Bcc", recipients.parse(letter.bcc).mailboxes)
    field = words.encode_header(FIELD, json.dumps(own, separators=(",", ":")))
    return build.with_entity(top + bcc + field, build.body_part(letter.text, None, letter.attachments))


def _own(value: bytes) -> dict[str, object]:
    try:
        found = json.loads(words.decode_words(value) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _options(found: object) -> tuple[str, ...]:
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _replace(tx: Tx, key: AccountKey, prepared: Prepared, uid: int) -> int:
    drafts = mailboxes.by_role(tx, key.account_id, "drafts")
    appended = messages.append(tx, drafts.key, key, prepared, Flag.DRAFT | Flag.SEEN, tx.now_us)
    if uid:
        erase(tx, drafts.key, [uid])
    return appended.uid
