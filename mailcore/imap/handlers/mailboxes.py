"""Commands about mailboxes by name. RFC 3501 §6.3, RFC 5258 and RFC 5819 (LIST), RFC 6154 (special use)."""

from collections.abc import Callable, Iterable

from mailcore.errors import MailboxExists
from mailcore.imap import listing, responses
from mailcore.imap.commands import Create, Delete, List, Rename, Status, Subscribe
from mailcore.imap.responses import Responses, no, ok
from mailcore.imap.session import Session
from mailcore.store import mailboxes
from mailcore.store.types import Mailbox

STATUS: dict[str, Callable[[Mailbox], int]] = {
    "MESSAGES": lambda mailbox: mailbox.exists,
    "RECENT": lambda mailbox: 0,
    "UIDNEXT": lambda mailbox: mailbox.uid_next,
    "UIDVALIDITY": lambda mailbox: mailbox.uidvalidity,
    "UNSEEN": lambda mailbox: mailbox.unseen,
    "SIZE": lambda mailbox: mailbox.size_bytes,
}


async def create(session: Session, command: Create) -> Responses:
    """RFC 3501 §6.3.3; a special use that we do not know or that is taken is refused with USEATTR (RFC 6154 §3)."""
    if command.role and command.role not in responses.ROLES:
        yield no("this special use is not known here", "USEATTR")
        return
    try:
        await session.services.db.write(mailboxes.create, session.account_id, command.name, command.role)
    except MailboxExists as error:
        if "role" not in error.facts:
            raise
        yield no(error.text, "USEATTR")
        return
    yield ok("created")


async def delete(session: Session, command: Delete) -> Responses:
    """RFC 3501 §6.3.4."""
    await session.services.db.write(mailboxes.delete, session.account_id, command.name)
    yield ok("deleted")


async def rename(session: Session, command: Rename) -> Responses:
    """RFC 3501 §6.3.5: children follow; INBOX stays and gives its messages."""
    await session.services.db.write(mailboxes.rename, session.account_id, command.old, command.new)
    yield ok("renamed")


async def subscribe(session: Session, command: Subscribe) -> Responses:
    """RFC 3501 §6.3.6. Only mailboxes that exist can be subscribed; later they may go."""
    await session.services.db.peek(mailboxes.find, session.account_id, command.name)
    await session.services.db.write(mailboxes.subscribe, session.account_id, command.name, on=True)
    yield ok("subscribed")


async def unsubscribe(session: Session, command: Subscribe) -> Responses:
    """RFC 3501 §6.3.7."""
    await session.services.db.write(mailboxes.subscribe, session.account_id, command.name, on=False)
    yield ok("unsubscribed")


async def status(session: Session, command: Status) -> Responses:
    """RFC 3501 §6.3.10."""
    mailbox = await session.services.db.peek(mailboxes.find, session.account_id, command.name)
    yield status_line(mailbox, command.items)
    yield ok("done")


def status_line(mailbox: Mailbox, items: Iterable[str]) -> bytes:
    """Write a STATUS response."""
    values = " ".join(f"{item} {STATUS[item](mailbox)}" for item in items)
    return b"* STATUS %b (%b)\r\n" % (responses.mailbox(mailbox.name), values.encode("ascii"))


async def list_(session: Session, command: List) -> Responses:
    """RFC 3501 §6.3.8, RFC 5258; STATUS comes right behind its LIST (RFC 5819 §2)."""
    if command.patterns == ("",):
        yield b'* LIST (\\Noselect) "/" ""\r\n'
        yield ok("done")
        return
    tree = await _tree(session)
    for entry in listing.entries(tree, command):
        yield listing.line(b"LIST", entry)
        if command.status and entry.mailbox is not None:
            yield status_line(entry.mailbox, command.status)
    yield ok("done")


async def lsub(session: Session, command: List) -> Responses:
    """RFC 3501 §6.3.9: subscribed names, also of mailboxes that are gone."""
    tree = await _tree(session)
    for entry in listing.subscribed(tree, command):
        yield listing.line(b"LSUB", entry)
    yield ok("done")


async def _tree(session: Session) -> listing.Tree:
    found = await session.services.db.read(mailboxes.listing, session.account_id)
    names = await session.services.db.read(mailboxes.subscriptions, session.account_id)
    shown = {mailbox.name: mailbox for mailbox in found if session.reaches(mailbox.name)}
    return listing.Tree(shown, frozenset(filter(session.reaches, names)))
