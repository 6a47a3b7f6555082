"""Commands about mailboxes by name. RFC 3501 §6.3, RFC 5258 and RFC 5819 (LIST), RFC 6154 (special use)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailcore.errors import MailboxExists
from mailcore.imap import listing, responses
from mailcore.imap.commands import Create, Delete, List, Rename, Status, Subscribe
from mailcore.imap.responses import Responses, no, ok
from mailcore.imap.session import Session
from mailcore.store import mailboxes, quota
from mailcore.store.types import Mailbox


@dataclass(frozen=True, slots=True)
class Facts:
    """What STATUS can tell: the mailbox, how many of its messages are \\Deleted and their octets, what APPEND takes."""

    mailbox: Mailbox
    deleted: tuple[int, int]
    append_limit: int


STATUS: dict[str, Callable[[Facts], object]] = {
    "MESSAGES": lambda facts: facts.mailbox.exists,
    "RECENT": lambda facts: 0,
    "UIDNEXT": lambda facts: facts.mailbox.uid_next,
    "UIDVALIDITY": lambda facts: facts.mailbox.uidvalidity,
    "UNSEEN": lambda facts: facts.mailbox.unseen,
    "SIZE": lambda facts: facts.mailbox.size_bytes,
    "HIGHESTMODSEQ": lambda facts: facts.mailbox.highest_modseq,
    "MAILBOXID": lambda facts: f"({responses.mailbox_id(facts.mailbox.key)})",
    "APPENDLIMIT": lambda facts: facts.append_limit,
    "DELETED": lambda facts: facts.deleted[0],
    "DELETED-STORAGE": lambda facts: facts.deleted[1],
}
COUNTED = ("DELETED", "DELETED-STORAGE")  # not kept in the mailbox's row


async def create(session: Session, command: Create) -> Responses:
    """RFC 3501 §6.3.3; a special use that we do not know or that is taken is refused with USEATTR (RFC 6154 §3)."""
    if command.role and command.role not in responses.ROLES:
        yield no("this special use is not known here", "USEATTR")
        return
    try:
        made = await session.services.db.write(mailboxes.create, session.account_id, command.name, command.role)
    except MailboxExists as error:
        if "role" not in error.facts:
            raise
        yield no(error.text, "USEATTR")
        return
    yield ok("created", f"MAILBOXID ({responses.mailbox_id(made.key)})")


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
    yield await status_line(session, command.name, mailbox, command.items)
    yield ok("done")


async def status_line(session: Session, name: str, mailbox: Mailbox, items: Sequence[str]) -> bytes:
    """Write a STATUS response for a mailbox under the name that the client has for it (RFC 9051 §7.3.4, RFC 9208 §4.1.4)."""
    deleted = (0, 0)
    if not set(items).isdisjoint(COUNTED):
        deleted = await session.services.db.peek(quota.deleted, mailbox.key)
    facts = Facts(mailbox, deleted, session.services.settings.smtp.max_message_bytes)
    values = " ".join(f"{item} {STATUS[item](facts)}" for item in items)
    return b"* STATUS %b (%b)\r\n" % (responses.mailbox(name, utf8=session.utf8), values.encode("ascii"))


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
            yield await status_line(session, entry.name, entry.mailbox, command.status)
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
