"""Commands that change messages. RFC 3501 §6.4; RFC 4315 (UIDPLUS); RFC 6851 (MOVE)."""

from collections.abc import Sequence

from config.database import Tx
from mailcore.errors import NoSuchMailbox
from mailcore.imap import fetching, responses
from mailcore.imap.commands import Expunge, Store, Transfer
from mailcore.imap.responses import Responses, no, ok
from mailcore.imap.sequence import compact
from mailcore.imap.session import Selected, Session
from mailcore.store import keywords, mailboxes, messages
from mailcore.store.types import AccountId, Copied, Flagged, MailboxKey

BRIEF_UIDS = 20  # messages whose flags change in a brief unit: about 0.1 ms
MISSING = "no such mailbox; it can be created"


async def store(session: Session, command: Store) -> Responses:
    """RFC 3501 §6.4.6. Messages that another session expunged are passed over in silence (RFC 2180 §4.2.1)."""
    selected = session.writable()
    places = session.places(command.messages, uid=command.uid)
    uids = [selected.view.uids[place] for place in places]
    if not uids:
        yield ok("stored")
        return
    write = session.services.db.write_brief if len(uids) <= BRIEF_UIDS else session.services.db.write
    done, bits = await write(store_flags, selected.key, uids, command.op, command.flags.bits, command.flags.keywords)
    if not session.flags.knows(bits):
        for line in await session.new_keywords():
            yield line
    surprising = settle(selected, done, messages.OPERATIONS[command.op], bits)
    shown = surprising if command.silent else places
    yield b"".join(_flag_lines(session, shown, uid=command.uid))
    yield ok("stored")


def store_flags(tx: Tx, key: MailboxKey, uids: Sequence[int], op: str, flags: int, names: Sequence[str]) -> tuple[Flagged, int]:
    """Change flags with keywords by name; return the bits that these names stand for too. Raises LimitReached."""
    named = _known if op == "remove" else keywords.bits
    bits = flags | named(tx, key.account_id, names) if names else flags
    return messages.store_flags(tx, key, uids, op, bits), bits


def _known(tx: Tx, account_id: AccountId, names: Sequence[str]) -> int:
    """Return the bits of keywords without making new ones: what does not exist is set nowhere."""
    wanted = {name.casefold() for name in names}
    return sum(bit for bit, name in keywords.names(tx, account_id).items() if name.casefold() in wanted)


def settle(selected: Selected, done: Flagged, combine: object, bits: int) -> list[int]:
    """Bring new flags into the view; return the places where they are not what the client must expect."""
    assert callable(combine)
    surprising = []
    for state in done.changed:
        place = selected.view.index(state.uid)
        if place is None:
            continue
        if combine(selected.view.flags[place], bits) != state.flags:
            surprising.append(place)
        selected.view.settle(place, state)
    return surprising


def _flag_lines(session: Session, places: Sequence[int], *, uid: bool) -> list[bytes]:
    view, write = session.selected.view, session.flags.write
    return [
        fetching.flags_answer(place + 1, view.uids[place], write(view.flags[place]), with_uid=uid)
        for place in places
        if not view.is_gone(place)
    ]


async def copy(session: Session, command: Transfer) -> Responses:
    """RFC 3501 §6.4.7, RFC 4315 §3."""
    uids = _uids(session, command)
    try:
        done = await session.services.db.write(copy_to, session.selected.key, uids, command.name)
    except NoSuchMailbox:
        yield no(MISSING, "TRYCREATE")
        return
    yield ok("copied", copyuid(done))


async def move(session: Session, command: Transfer) -> Responses:
    """RFC 6851 §3.1, §4.3: COPYUID comes before the EXPUNGEs that follow from it."""
    selected = session.writable()
    uids = _uids(session, command)
    try:
        done = await session.services.db.write(move_to, selected.key, uids, command.name)
    except NoSuchMailbox:
        yield no(MISSING, "TRYCREATE")
        return
    if done.pairs:
        yield responses.untagged("OK", "moved", copyuid(done))
    selected.view.bury(uid for uid, _ in done.pairs)
    yield ok("moved")


def copy_to(tx: Tx, source: MailboxKey, uids: Sequence[int], name: str) -> Copied:
    """Copy to a mailbox by name. Raises NoSuchMailbox."""
    return messages.copy(tx, source, uids, mailboxes.find(tx, source.account_id, name).key)


def move_to(tx: Tx, source: MailboxKey, uids: Sequence[int], name: str) -> Copied:
    """Move to a mailbox by name. Raises NoSuchMailbox."""
    return messages.move(tx, source, uids, mailboxes.find(tx, source.account_id, name).key)


def _uids(session: Session, command: Transfer) -> list[int]:
    return [session.selected.view.uids[place] for place in session.places(command.messages, uid=command.uid)]


def copyuid(done: Copied) -> str:
    """Return the COPYUID code, '' when nothing was copied."""
    if not done.pairs:
        return ""
    source, target = (compact(column).decode("ascii") for column in zip(*done.pairs, strict=True))
    return f"COPYUID {done.uidvalidity} {source} {target}"


async def expunge(session: Session, command: Expunge) -> Responses:
    """RFC 3501 §6.4.3, RFC 4315 §2.1: each removal is told before OK, as the view gets to know it."""
    selected = session.writable()
    only = None
    if command.only is not None:
        only = [selected.view.uids[place] for place in session.places(command.only, uid=True)]
    done = await session.services.db.write(messages.expunge, selected.key, only)
    selected.view.bury(done.uids)
    yield ok("expunged")
