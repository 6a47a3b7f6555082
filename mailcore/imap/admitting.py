"""What is said before a message is sent: a client that waits for ``+`` need not send what will be refused. RFC 3501 §7.5, RFC 7889 §5."""

from config.errors import MailError
from mailcore.errors import NoSuchMailbox
from mailcore.imap import errors
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.responses import Done, no
from mailcore.imap.session import Session
from mailcore.imap.transferring import MISSING
from mailcore.store import mailboxes, quota


async def refusal(session: Session, text: bytes, size_bytes: int) -> bytes | None:
    """Return the end of a command that cannot go well, None to let the client send on.

    `text` is a command that brings messages, up to the literal that it waits to send; with it they have `size_bytes`.
    What cannot be read yet is judged when the command is whole.
    """
    cursor = Cursor(text, utf8=session.utf8)
    try:
        tag = cursor.tag()
        replaces, name = _named(cursor)
    except (BadSyntax, MailError):
        return None
    try:
        refused = await _refusal(session, name, 0 if replaces else size_bytes)
    except NoSuchMailbox:
        refused = no(MISSING, "TRYCREATE")
    except MailError as error:
        refused = errors.refusal(error)
    return None if refused is None else refused.line(tag)


def _named(cursor: Cursor) -> tuple[bool, str]:
    """Say whether the command is REPLACE, and which mailbox it names. Raises BadSyntax, BadMailboxName."""
    cursor.space()
    word = cursor.word()
    if word == "UID":
        cursor.space()
        word = cursor.word()
    cursor.space()
    if word == "REPLACE":
        cursor.sequence_set()
        cursor.space()
    name = cursor.mailbox()
    cursor.space()  # behind the name, or it is the name that the client waits to send
    return word == "REPLACE", name


async def _refusal(session: Session, name: str, size_bytes: int) -> Done | None:
    """Look where the message would go: the mailbox must be there, and room in it. What REPLACE removes makes room."""
    place = (await session.locate(name)).require("i")
    account_id = place.account.account_id
    await session.services.db.peek(mailboxes.find, account_id, place.name)
    room = await session.services.db.peek(quota.room, account_id)
    return no("mailbox is full", "OVERQUOTA") if room is not None and size_bytes > room else None
