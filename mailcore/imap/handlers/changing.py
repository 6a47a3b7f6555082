"""Commands that change messages. RFC 3501 §6.4; RFC 4315 (UIDPLUS); RFC 6851 (MOVE); RFC 7162 (CONDSTORE)."""

from collections.abc import Callable, Iterator, Sequence

from config.database import Tx
from mailcore.errors import NoSuchMailbox, NotAllowed
from mailcore.imap import responses, telling
from mailcore.imap.commands import Expunge, Store, Transfer
from mailcore.imap.place import Place, Selected
from mailcore.imap.responses import Responses, no, ok, reached
from mailcore.imap.sequence import compact
from mailcore.imap.session import Session
from mailcore.imap.transferring import creatable, transfer
from mailcore.imap.view import View
from mailcore.store import keywords, messages, rights
from mailcore.store.types import AccountId, Copied, Flagged, MailboxKey

BRIEF_UIDS = 20  # messages whose flags change in a brief unit: about 0.1 ms


async def store(session: Session, command: Store) -> Responses:
    """RFC 3501 §6.4.6, RFC 7162 §3.1.3. Messages that another session expunged are passed over in silence (RFC 2180 §4.2.1).

    What UNCHANGEDSINCE refused is told behind the command as any other change is, unless the client knows it already.
    """
    selected = session.writable()
    if command.unchanged_since is not None:
        yield session.enable_condstore()
    places, left = telling.limited(session.places(command.messages, uid=command.uid), selected.view.uids, session.limit)
    if not places:
        yield ok("stored")
        return
    uids = named(selected.view, places)
    write = session.services.db.write_brief if len(places) <= BRIEF_UIDS else session.services.db.write
    change = *_allowed(selected, command), command.unchanged_since
    done, bits = await write(
        store_flags, selected.key, uids, command.op, *change, selected.view.modseq, rights.kept_keywords(selected.rights)
    )
    if not session.flags.knows(bits):
        for line in await session.new_keywords(bits):
            yield line
    becoming = _becoming(command.op, bits, change[2])
    refused = frozenset(done.failed)
    if done.counted >= 0:
        changed, surprising = selected.view.change(places, refused, becoming, done.modseq)
    else:
        changed, surprising = selected.view.settle_all(done.changed, becoming)
    if done.changed or done.counted > 0:
        selected.view.advance(done.since, done.modseq)
    fitting = [place for place in places if selected.view.uids[place] not in refused] if refused else places
    yield b"".join(_flag_lines(session, command, fitting, changed, surprising))
    failed = selected.view.known(done.failed)
    if failed and left:
        yield responses.untagged("NO", "the messages below come with another command", left)
    if failed:
        names = [selected.view.uids[place] if command.uid else place + 1 for place in failed]
        yield ok("changed elsewhere meanwhile", f"MODIFIED {compact(names).decode('ascii')}")
    else:
        yield ok("stored", left)


def _becoming(op: str, bits: int, within: int) -> Callable[[int], int]:
    """Return what flags become by a change in which only those in `within` may change."""
    combine = messages.OPERATIONS[op]
    return lambda flags: (flags & ~within) | (combine(flags, bits) & within)


def named(view: View, places: Sequence[int]) -> Sequence[int]:
    """Return the UIDs at some places; as one range when they stand side by side, which the store finds quickly."""
    if isinstance(places, range):
        return range(view.uids[places[0]], view.uids[places[-1]] + 1) if places else ()
    return [view.uids[place] for place in places]


def _allowed(selected: Selected, command: Store) -> tuple[int, tuple[str, ...], int]:
    """Return what of the flags may be stored: bits, keywords, and all bits that may change (RFC 4314 §4). Raises NotAllowed.

    What may not is passed over as long as something may: clients do not understand a NO that did half of it.
    """
    within, flags = rights.settable(selected.rights), command.flags
    names = flags.keywords if "w" in selected.rights else ()
    asked = bool(flags.bits or flags.keywords) and command.op != "replace"
    if not within or (asked and not flags.bits & within and not names):
        raise NotAllowed("you have not the right to change these flags", rights=rights.written(selected.rights))
    return flags.bits & within, names, within


def store_flags(
    tx: Tx,
    key: MailboxKey,
    uids: Sequence[int],
    op: str,
    flags: int,
    names: Sequence[str],
    within: int = messages.EVERY_FLAG,
    unchanged_since: int | None = None,
    known_modseq: int = -1,
    kept: int = 0,
) -> tuple[Flagged, int]:
    """Change flags with keywords by name; return the bits that these names stand for too. Raises LimitReached.

    `kept` keywords of the account stay free for its owner.
    """
    bits = flags
    if names:
        account_id = key.account_id
        bits |= _known(tx, account_id, names) if op == "remove" else keywords.bits(tx, account_id, names, kept)
    if within != messages.EVERY_FLAG:
        known_modseq = -1  # what changes is not what was asked for
    return messages.store_flags(tx, key, uids, op, bits, unchanged_since, within, known_modseq), bits


def _known(tx: Tx, account_id: AccountId, names: Sequence[str]) -> int:
    """Return the bits of keywords without making new ones: what does not exist is set nowhere."""
    wanted = {name.casefold() for name in names}
    return sum(bit for bit, name in keywords.names(tx, account_id).items() if name.casefold() in wanted)


def _flag_lines(
    session: Session, command: Store, fitting: Sequence[int], changed: Sequence[int], surprising: Sequence[int]
) -> Iterator[bytes]:
    """Answer a STORE: with flags, unless it is silent and they are as the client must expect; then with the modseq alone.

    Whoever follows modseqs is told of each that changed, and after UNCHANGEDSINCE of each that fitted (RFC 7162 §3.1, §3.1.3).
    """
    view, written = session.selected.view, session.flags.write
    full = telling.flags_line(session.enabled, uid=command.uid)
    brief = telling.modseq_line(session.enabled, uid=command.uid)
    loud = frozenset(surprising)
    if not command.silent:
        shown: Sequence[int] = fitting
    elif "CONDSTORE" in session.enabled:
        shown = changed if command.unchanged_since is None else fitting
    else:
        shown = surprising
    for place in shown:
        if not view.loses or not view.is_gone(place):
            line = brief if command.silent and place not in loud else full
            yield line(place + 1, view.uids[place], written(view.flags[place]), view.modseqs[place])


async def copy(session: Session, command: Transfer) -> Responses:
    """RFC 3501 §6.4.7, RFC 4315 §3: all or nothing, also when another session removed some of the messages."""
    uids, left = _uids(session, command)
    if left:
        yield no("too many messages for one COPY", left)  # RFC 9738 §3.1: nothing is copied in part
        return
    place = (await session.locate(command.name)).require("i")
    try:
        done = await transfer(session, place, uids, _expected(session, command), move=False)
    except NoSuchMailbox as error:
        yield no(creatable(place, error), "TRYCREATE")
        return
    yield ok("copied", copyuid(place, done))


async def move(session: Session, command: Transfer) -> Responses:
    """RFC 6851 §3.1, §4.3: COPYUID comes before the EXPUNGEs that follow from it."""
    selected = session.writable()
    uids, left = _uids(session, command)
    place = (await session.locate(command.name)).require("i")
    try:
        done = await transfer(session, place, uids, _expected(session, command), move=True)
    except NoSuchMailbox as error:
        yield no(creatable(place, error), "TRYCREATE")
        return
    if done.pairs:
        yield responses.untagged("OK", "moved", copyuid(place, done))
    if left:
        yield responses.untagged("NO", "the messages below come with another command", left)
    selected.view.bury(uid for uid, _ in done.pairs)
    yield reached("moved") if done.pairs else ok("moved")


def _uids(session: Session, command: Transfer) -> tuple[Sequence[int], str]:
    """Return the UIDs that a command names, and the code when they are too many for one command."""
    view = session.selected.view
    places, left = telling.limited(session.places(command.messages, uid=command.uid), view.uids, session.limit)
    return named(view, places), left


def _expected(session: Session, command: Transfer) -> int:
    """Return how many messages must be there: all that are named by number; UIDs may name none (RFC 3501 §6.4.8)."""
    return 0 if command.uid else len(session.places(command.messages, uid=False))


def copyuid(place: Place, done: Copied) -> str:
    """Return the COPYUID code, '' when nothing was copied, and to who may put messages there and not look (RFC 4315 §3)."""
    if not done.pairs or "r" not in place.rights:
        return ""
    source, target = (compact(column).decode("ascii") for column in zip(*done.pairs, strict=True))
    return f"COPYUID {done.uidvalidity} {source} {target}"


async def expunge(session: Session, command: Expunge) -> Responses:
    """RFC 3501 §6.4.3, RFC 4315 §2.1: each removal is told before OK, as the view gets to know it; with its modseq (RFC 7162 §3.2.7)."""
    selected = session.writable()
    only, left = None, ""
    if command.only is not None:
        places, left = telling.limited(session.places(command.only, uid=True), selected.view.uids, session.limit)
        only = named(selected.view, places)
    done = await session.services.db.write(messages.expunge, selected.key, only)
    selected.view.bury(done.uids)
    if done.uids:
        selected.view.advance(done.since, done.modseq)
    if left:
        yield responses.untagged("NO", "the messages below come with another command", left)
    yield reached("expunged") if done.uids else ok("expunged")
