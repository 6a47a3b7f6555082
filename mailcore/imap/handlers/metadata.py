"""Annotations of mailboxes and of the account. RFC 5464; RFC 6154 §4 (the special use as an annotation); RFC 9590 (in LIST)."""

from collections.abc import Iterable, Mapping, Sequence

from config.database import Tx
from mailcore.errors import NotAllowed
from mailcore.imap import responses
from mailcore.imap.commands import GetMetadata, SetMetadata
from mailcore.imap.place import Place
from mailcore.imap.responses import Responses, ok
from mailcore.imap.session import Session
from mailcore.store import annotations, mailboxes
from mailcore.store.annotations import SERVER, SHARED, Annotation
from mailcore.store.keys import AccountKey
from mailcore.store.types import Mailbox, MailboxId

PRIVATE_SCOPE, SHARED_SCOPE = "/private", "/shared"
SPECIAL_USE = "/private/specialuse"  # RFC 6154 §4
ADMIN = "/shared/admin"  # RFC 5464 §6.2.1.2: how to reach who runs the server
COMPUTED = (SPECIAL_USE, ADMIN)

SEES = "rswip"  # rights of which one is enough for one's own annotations, and to read the shared ones (RFC 5464 §3.3)
CHANGES = "w"  # the right to change what all see

Values = Mapping[str, bytes]


async def get(session: Session, command: GetMetadata) -> Responses:
    """RFC 5464 §4.2: what was asked for by name is answered in any case, with NIL where there is nothing."""
    place = await _place(session, command.name, SEES)
    known = await session.services.db.read(_read, place.account, place.name, session.person_id)
    if not place.name:
        known = {**known, ADMIN: f"mailto:{session.services.settings.node.postmaster}".encode()}
    found = chosen(known, command.entries, command.depth)
    small = {name: value for name, value in found.items() if not _too_long(value, command.max_bytes)}
    if small:
        yield line(command.name, small.items(), utf8=session.utf8)
    longest = max((len(value) for value in found.values() if value is not None and _too_long(value, command.max_bytes)), default=0)
    yield ok("done", f"METADATA LONGENTRIES {longest}" if longest else "")


def chosen(known: Values, entries: Sequence[str], depth: int | None) -> dict[str, bytes | None]:
    """Return the entries asked for and those below them as deep as asked; None for one that does not exist."""
    found: dict[str, bytes | None] = {}
    for entry in entries:
        if depth == 0:
            found[entry] = known.get(entry)
            continue
        below = entry + "/"
        for name, value in known.items():
            if name == entry or (name.startswith(below) and (depth is None or "/" not in name[len(below) :])):
                found[name] = value
    return found


async def listed(session: Session, name: str, mailbox: Mailbox, asked: GetMetadata) -> bytes:
    """Return what LIST shows of a mailbox's annotations, b"" for nothing (RFC 9590 §3.1)."""
    account = await session.services.store.open_account(mailbox.key.account_id)
    known = await session.services.db.read(read, account, mailbox.key.mailbox_id, mailbox.role, session.person_id)
    found = chosen(known, asked.entries, asked.depth)
    small = {entry: value for entry, value in found.items() if not _too_long(value, asked.max_bytes)}
    return line(name, small.items(), utf8=session.utf8) if small else b""


def _too_long(value: bytes | None, max_bytes: int | None) -> bool:
    return value is not None and max_bytes is not None and len(value) > max_bytes


def line(name: str, found: Iterable[tuple[str, bytes | None]], *, utf8: bool) -> bytes:
    """Write a METADATA response (RFC 5464 §4.4.1)."""
    values = b" ".join(b"%b %b" % (responses.quoted(entry.encode("ascii")), _value(value)) for entry, value in found)
    return b"* METADATA %b (%b)\r\n" % (responses.mailbox(name, utf8=utf8) if name else b'""', values)


def _value(value: bytes | None) -> bytes:
    if value is None:
        return b"NIL"
    return b"~" + responses.literal(value) if b"\0" in value else responses.quoted(value)


def read(tx: Tx, account: AccountKey, mailbox_id: MailboxId, role: str, person_id: int) -> Values:
    """Return what a person sees of a mailbox's annotations, by full name."""
    rows = annotations.of(tx, account, mailbox_id, (SHARED, person_id))
    known = {(SHARED_SCOPE if row.owner_id == SHARED else PRIVATE_SCOPE) + row.entry: row.value or b"" for row in rows}
    return {**known, SPECIAL_USE: responses.ROLES[role]} if role in responses.ROLES else known


def _read(tx: Tx, account: AccountKey, name: str, person_id: int) -> Values:
    if not name:
        return read(tx, account, SERVER, "", person_id)
    mailbox = mailboxes.find(tx, account.account_id, name)
    return read(tx, account, mailbox.key.mailbox_id, mailbox.role, person_id)


async def set_(session: Session, command: SetMetadata) -> Responses:
    """RFC 5464 §4.3: all of it or nothing."""
    names = [name for name, _ in command.values]
    shared = any(name.startswith(SHARED_SCOPE) for name in names)
    place = await _place(session, command.name, CHANGES if shared else SEES)
    if any(name in COMPUTED for name in names):
        raise NotAllowed("this annotation is the server's to make")
    if not command.name and shared:
        raise NotAllowed("what all see of the server its operator decides")
    await session.services.db.write(_change, place.account, place.name, session.person_id, command.values)
    yield ok("done")


def _change(tx: Tx, account: AccountKey, name: str, person_id: int, values: Sequence[tuple[str, bytes | None]]) -> None:
    mailbox_id = mailboxes.find(tx, account.account_id, name).key.mailbox_id if name else SERVER
    wanted = [
        Annotation(
            SHARED if entry.startswith(SHARED_SCOPE) else person_id, entry.removeprefix(SHARED_SCOPE).removeprefix(PRIVATE_SCOPE), value
        )
        for entry, value in values
    ]
    annotations.change(tx, account, mailbox_id, wanted)


async def _place(session: Session, name: str, any_of: str) -> Place:
    """Return where annotations are. They are for who may look the mailbox up and do something in it (RFC 5464 §3.3)."""
    if not name:
        return Place(session.account, "")
    place = (await session.locate(name)).require("l")
    return place if not place.rights.isdisjoint(any_of) else place.require(any_of)
