"""Commands about mailboxes by name. RFC 3501 §6.3, RFC 5258 and RFC 5819 (LIST), RFC 6154 (special use)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.errors import MailboxExists, MailboxProtected, NotAllowed
from mailcore.imap import listing, names, naming, responses, trees
from mailcore.imap.commands import Create, Delete, List, Rename, Status, Subscribe
from mailcore.imap.handlers import metadata
from mailcore.imap.handlers.rights import my_line
from mailcore.imap.place import Place
from mailcore.imap.responses import Responses, bad, no, ok
from mailcore.imap.session import Session
from mailcore.store import mailboxes, quota, rights
from mailcore.store.types import AccountId, Mailbox


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
NO_RECENT = "IMAP4rev2 has no RECENT"  # RFC 9051 appendix E
COUNTED = ("DELETED", "DELETED-STORAGE")  # not kept in the mailbox's row


async def create(session: Session, command: Create) -> Responses:
    """RFC 3501 §6.3.3; a special use that we do not know or that is taken is refused with USEATTR (RFC 6154 §3)."""
    if command.role and command.role not in responses.ROLES:
        yield no("this special use is not known here", "USEATTR")
        return
    place = await _new_place(session, command.name)
    if command.role and place.root:
        yield no("special uses are for one's own mailboxes", "USEATTR")
        return
    try:
        made = await session.services.db.write(mailboxes.create, place.account.account_id, place.name, command.role)
    except MailboxExists as error:
        if "role" not in error.facts:
            raise
        yield no(error.text, "USEATTR")
        return
    yield await _renamed(session, command.said, place.shown(made.name))
    yield ok("created", f"MAILBOXID ({responses.mailbox_id(made.key)})")


async def _new_place(session: Session, name: str) -> Place:
    """Return where a mailbox is to be made. Raises NotAllowed, MailboxProtected for the namespaces of others themselves."""
    place = await session.locate(name)
    if not place.root and names.is_reserved(name):
        raise MailboxProtected("mailboxes of others are shown under this name")
    return place.require_above("k")


async def _renamed(session: Session, old: str, new: str) -> bytes:
    """Tell who speaks IMAP4rev2 that a name is another than the one that was said (RFC 9051 §6.3.9.7)."""
    return await naming.line(session, new, old) if "IMAP4REV2" in session.enabled and naming.differs(new, old) else b""


async def delete(session: Session, command: Delete) -> Responses:
    """RFC 3501 §6.3.4; with children it stays (RFC 9051 §6.3.5 HASCHILDREN)."""
    place = (await session.locate(command.name)).require("x")
    name = place.shown(await session.services.db.write(mailboxes.delete, place.account.account_id, place.name))
    if "IMAP4REV2" in session.enabled and naming.differs(name, command.said):
        yield naming.gone(session, name, command.said)
    yield ok("deleted")


async def rename(session: Session, command: Rename) -> Responses:
    """RFC 3501 §6.3.5: children follow; INBOX stays and gives its messages. Nothing goes into another account so."""
    old = (await session.locate(command.old)).require("x")
    new = await _new_place(session, command.new)
    if old.account.account_id != new.account.account_id:
        raise MailboxProtected("a mailbox stays in its account; messages can be copied")
    if old.root:
        await session.services.db.peek(_require_whole, session.person_id, old.account.account_id, old.name)
    name = await session.services.db.write(mailboxes.rename, new.account.account_id, old.name, new.name)
    yield await _renamed(session, command.said, new.shown(name))
    yield ok("renamed")


def _require_whole(tx: Tx, person_id: int, account_id: AccountId, name: str) -> None:
    """Let pass who may rename a mailbox of somebody else's with all that follows it (RFC 4314 §4). Raises NotAllowed, MailboxProtected."""
    if names.is_inbox(name):
        raise MailboxProtected("this mailbox is where an account begins")
    found = mailboxes.find(tx, account_id, name)
    reach = rights.reachable(tx, person_id, account_id)
    for one in mailboxes.listing(tx, account_id):
        if mailboxes.is_within(one.name, found.name) and not (reach and "x" in reach[0].at(one)):
            raise NotAllowed("you have not the right to rename all that is in this mailbox")


async def subscribe(session: Session, command: Subscribe) -> Responses:
    """RFC 3501 §6.3.6. Only mailboxes that exist can be subscribed; later they may go. Those of others stand in one's own list."""
    place = (await session.locate(command.name)).require("l")
    found = await session.services.db.peek(mailboxes.find, place.account.account_id, place.name)
    await session.services.db.write(mailboxes.subscribe, session.account_id, place.shown(found.name), on=True)
    yield ok("subscribed")


async def unsubscribe(session: Session, command: Subscribe) -> Responses:
    """RFC 3501 §6.3.7: also of what is gone or not to be seen any more."""
    await session.services.db.write(mailboxes.subscribe, session.account_id, command.name, on=False)
    yield ok("unsubscribed")


async def status(session: Session, command: Status) -> Responses:
    """RFC 3501 §6.3.10, RFC 9051 §6.3.11; asking for modseqs turns them on (RFC 7162 §3.1)."""
    if is_obsolete(session, command.items):
        yield bad(NO_RECENT)
        return
    place = (await session.locate(command.name)).require("r")
    mailbox = await session.services.db.peek(mailboxes.find, place.account.account_id, place.name)
    if "HIGHESTMODSEQ" in command.items:
        yield session.enable_condstore()
    yield await status_line(session, place.shown(mailbox.name), mailbox, command.items)
    yield ok("done")


def is_obsolete(session: Session, items: Sequence[str]) -> bool:
    """Say whether what is asked for is no more, for this client."""
    return "RECENT" in items and "IMAP4REV2" in session.enabled


async def status_line(session: Session, name: str, mailbox: Mailbox, items: Sequence[str]) -> bytes:
    """Write a STATUS response for a mailbox under the name that the client has for it (RFC 9051 §7.3.4, RFC 9208 §4.1.4)."""
    counted = not set(items).isdisjoint(COUNTED)
    return status_written(session, name, mailbox, items, await session.services.db.peek(quota.deleted, mailbox.key) if counted else (0, 0))


def status_written(session: Session, name: str, mailbox: Mailbox, items: Sequence[str], deleted: tuple[int, int] = (0, 0)) -> bytes:
    """Write a STATUS response; `deleted` is how many messages are \\Deleted, and how many octets they have."""
    facts = Facts(mailbox, deleted, session.services.settings.smtp.max_message_bytes)
    values = " ".join(f"{item} {STATUS[item](facts)}" for item in items)
    return b"* STATUS %b (%b)\r\n" % (responses.mailbox(name, utf8=session.utf8), values.encode("ascii"))


async def list_(session: Session, command: List) -> Responses:
    """RFC 3501 §6.3.8, RFC 5258; STATUS and MYRIGHTS come right behind their LIST (RFC 5819 §2, RFC 8440 §4)."""
    if is_obsolete(session, command.status):
        yield bad(NO_RECENT)
        return
    if "HIGHESTMODSEQ" in command.status:
        yield session.enable_condstore()
    if command.patterns == ("",) and not command.extended:
        yield b'* LIST (\\Noselect) "/" ""\r\n'
        yield ok("done")
        return
    wanted = listing.patterns(command)
    tree = await trees.grow(session, wanted)
    for entry in listing.entries(tree, command, wanted, rev2="IMAP4REV2" in session.enabled):
        yield listing.line(b"LIST", entry, utf8=session.utf8)
        if entry.mailbox is None:
            continue
        given = tree.rights_at(entry.name)
        if command.status and "r" in given:
            yield await status_line(session, entry.name, entry.mailbox, command.status)
        if "MYRIGHTS" in command.returns:
            yield my_line(session, entry.name, given)
        if command.metadata is not None and not given.isdisjoint(metadata.SEES):
            yield await metadata.listed(session, entry.name, entry.mailbox, command.metadata)
    yield ok("done")


async def lsub(session: Session, command: List) -> Responses:
    """RFC 3501 §6.3.9: subscribed names, also of mailboxes that are gone."""
    wanted = listing.patterns(command)
    tree = await trees.grow(session, wanted)
    for entry in listing.subscribed(tree, wanted):
        yield listing.line(b"LSUB", entry, utf8=session.utf8)
    yield ok("done")
