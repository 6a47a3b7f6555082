"""Access lists of mailboxes: who may do what in them. RFC 4314."""

from config.database import Tx
from directory.rights import Actor
from mailcore.errors import NoSuchMailbox
from mailcore.imap import responses
from mailcore.imap.commands import DeleteAcl, ListRights, OfMailbox, SetAcl
from mailcore.imap.place import Place
from mailcore.imap.responses import Responses, no, ok
from mailcore.imap.session import Session
from mailcore.store import mailboxes, rights
from mailcore.store.rights import NONE, ORDER, Holder, Rights
from mailcore.store.types import AccountId, Mailbox

KNOWS_OWN = frozenset("lrikxa")  # who has any of these may ask for their own rights (RFC 4314 §4)


async def get_acl(session: Session, command: OfMailbox) -> Responses:
    """RFC 4314 §3.3: what the directory grants is shown too; SETACL cannot change it."""
    place = (await session.locate(command.name)).require("a")
    mailbox, holders = await session.services.db.peek(_table, place.account.account_id, place.name)
    lines = b"".join(b" %b %b" % (_identifier(one.identifier), _rights(one.rights)) for one in holders)
    yield b"* ACL %b%b\r\n" % (_name(session, place, mailbox), lines)
    yield ok("these may")


async def set_acl(session: Session, command: SetAcl) -> Responses:
    """RFC 4314 §3.1. Negative rights are not kept (§2): what nobody gave, nobody has."""
    if command.identifier.startswith("-"):
        yield no("rights can be given here, not withheld", "CANNOT")
        return
    place = (await session.locate(command.name)).require("a")
    target = place.account.account_id, place.name
    await session.services.db.write(_set, _actor(session), *target, command.identifier, command.op, command.rights)
    yield ok("noted")


async def delete_acl(session: Session, command: DeleteAcl) -> Responses:
    """RFC 4314 §3.2. What the directory grants stays: a loan ends where it was made, and the refusal says so."""
    place = (await session.locate(command.name)).require("a")
    await session.services.db.write(_set, _actor(session), place.account.account_id, place.name, command.identifier, "replace", NONE)
    yield ok("removed")


async def list_rights(session: Session, command: ListRights) -> Responses:
    """RFC 4314 §3.4: first what cannot be taken away, then each right that can be given by itself."""
    place = (await session.locate(command.name)).require("a")
    mailbox, fixed = await session.services.db.peek(_fixed, place.account.account_id, place.name, command.identifier)
    always = rights.written(fixed)
    single = [letter for letter in (*ORDER, *rights.OBSOLETE) if letter not in always]
    words = b"".join(b" " + letter.encode("ascii") for letter in single)
    yield b"* LISTRIGHTS %b %b %b%b\r\n" % (_name(session, place, mailbox), _identifier(command.identifier), _rights(fixed), words)
    yield ok("these can be given")


async def my_rights(session: Session, command: OfMailbox) -> Responses:
    """RFC 4314 §3.5."""
    place = await session.locate(command.name)
    if place.rights.isdisjoint(KNOWS_OWN):
        raise NoSuchMailbox(name=command.name)
    mailbox = await session.services.db.peek(mailboxes.find, place.account.account_id, place.name)
    yield my_line(session, place.shown(mailbox.name), place.rights)
    yield ok("these are yours")


def my_line(session: Session, name: str, given: Rights) -> bytes:
    """Write a MYRIGHTS response (RFC 4314 §3.8, RFC 8440 §4)."""
    return b"* MYRIGHTS %b %b\r\n" % (responses.mailbox(name, utf8=session.utf8), _rights(given))


def _table(tx: Tx, account_id: AccountId, name: str) -> tuple[Mailbox, list[Holder]]:
    mailbox = mailboxes.find(tx, account_id, name)
    return mailbox, rights.table(tx, mailbox)


def _fixed(tx: Tx, account_id: AccountId, name: str, identifier: str) -> tuple[Mailbox, Rights]:
    mailbox = mailboxes.find(tx, account_id, name)
    return mailbox, rights.fixed(tx, mailbox, rights.grantee(tx, identifier))


def _set(tx: Tx, actor: Actor, account_id: AccountId, name: str, identifier: str, op: str, letters: Rights) -> None:
    rights.set_(tx, actor, mailboxes.find(tx, account_id, name), identifier, op, letters)


def _actor(session: Session) -> Actor:
    identity = session.identity
    assert identity is not None
    acting = identity.account_id if identity.capacity in ("post", "unit") else None
    return Actor(identity.address, identity.person_id, on_behalf_of=acting)


def _name(session: Session, place: Place, mailbox: Mailbox) -> bytes:
    return responses.mailbox(place.shown(mailbox.name), utf8=session.utf8)


def _identifier(identifier: str) -> bytes:
    """Write an identifier: UTF-8, always a string (RFC 4314 §3)."""
    return responses.quoted(identifier.encode("utf-8"))


def _rights(given: Rights) -> bytes:
    return rights.written(given).encode("ascii") or b'""'
