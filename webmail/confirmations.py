"""Telling an author that their letter was read, when they ask and the reader agrees: once, by a button. RFC 8098, RFC 3503."""

import secrets

import structlog

from config.database import Tx
from directory.address import parse
from directory.errors import BadAddress
from mailcore.message import mdn, words
from mailcore.message.addresses import Mailbox
from mailcore.queue import accept, queue
from mailcore.queue.types import Entry, Recipient, Submission
from mailcore.store import keywords, messages
from mailcore.store.types import MailboxKey
from webmail.desk import Box, Desk
from webmail.reading import Opened

ACTION = "confirm"
NEVER = frozenset({"NEVER"})
ROLES = frozenset({"sent", "drafts", "junk", "trash"})  # nothing there was written to the reader, or is worth an answer

log = structlog.get_logger()


async def asked(desk: Desk, box: Box, opened: Opened) -> Mailbox | None:
    """Return who asks whether the reader of this letter has read it; None when nobody does, or was told."""
    if box.lent is not None or opened.mailbox.role in ROLES or not opened.count(mdn.ASKED):
        return None
    to = mdn.asks(opened.field(mdn.ASKED), opened.field(b"from"))
    if to is None or to.address.casefold() == box.address.casefold() or not _readable(to.address):
        return None
    told = await desk.services.db.read(_told, opened.mailbox.key, opened.stored.flags)
    return None if told else to


async def send(desk: Desk, box: Box, opened: Opened) -> bool:
    """Tell the author once; return whether that was done now."""
    to = await asked(desk, box, opened)
    if to is None:
        return False
    services, reader = desk.services, parse(box.address)
    raw = mdn.confirmation(
        reader=Mailbox(box.name, str(reader).rpartition("@")[0], reader.domain),
        to=to,
        host=services.settings.node.hostname,
        subject=words.decode_words(opened.field(b"subject")),
        original_id=opened.summary.message_id,
        date_us=services.clock.now_us(),
        message_id=f"{secrets.token_hex(16)}@{services.settings.node.hostname}",
    )
    plain = to.address.isascii() and box.address.isascii()
    submission = Submission("", (Recipient(to.address, NEVER),), raw, smtputf8=not plain, body="7BIT" if plain else "8BITMIME")
    entry = await accept.prepare(services, submission)
    first = await services.db.write(_write, opened.mailbox.key, opened.stored.uid, entry)
    log.info("web.confirmed", account_id=box.account_id, person_id=desk.person_id, first=first)
    return first


def _readable(address: str) -> bool:
    try:
        parse(address)
    except BadAddress:
        return False
    return True


def _told(tx: Tx, key: MailboxKey, flags: int) -> bool:
    return any(name.casefold() == mdn.SENT.casefold() and bit & flags for bit, name in keywords.names(tx, key.account_id).items())


def _write(tx: Tx, key: MailboxKey, uid: int, entry: Entry) -> bool:
    """Mark the letter and queue the confirmation, both or neither; return False when another press came first."""
    bit = keywords.bits(tx, key.account_id, [mdn.SENT])
    done = messages.store_flags(tx, key, [uid], "add", bit)
    if not done.changed:
        return False
    queue.enqueue(tx, entry)
    return True
