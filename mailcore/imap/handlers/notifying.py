"""NOTIFY: being told of mailboxes without asking. RFC 5465."""

from collections.abc import AsyncIterator

from config.database import Tx
from mailcore.imap import listing, responses, trees
from mailcore.imap.commands import Fetch
from mailcore.imap.handlers import fetching
from mailcore.imap.handlers.mailboxes import status_line
from mailcore.imap.listing import Entry
from mailcore.imap.names import Pattern
from mailcore.imap.notices import OF_MESSAGES, Annotated, Counted, Listed, Marks, Notice, Notify, State, told, wants
from mailcore.imap.parse.fetching import UID
from mailcore.imap.responses import Done, Responses, ok
from mailcore.imap.sequence import SequenceSet
from mailcore.imap.session import Session
from mailcore.imap.watching import Watch
from mailcore.store import annotations
from mailcore.store.annotations import SHARED

EVERYTHING = (Pattern("*"),)
COUNTS = ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN")  # RFC 5465 §5.2, §5.3 and, for changed flags, §5.1


async def notify(session: Session, command: Notify) -> Responses:
    """RFC 5465 §3.1: what was asked before holds no more. After NONE nothing is told but what commands themselves bring about."""
    for line in await session.announce(renumber=True):  # as was promised until now
        yield line
    watch = Watch(command.groups, session.bus, session.channel.rouse)
    session.watch_with(watch)
    if watch.others or watch.selected is not None:
        watch.listen(frozenset((session.account_id, *(() if session.unselected else (session.selected.key.account_id,)))))
    if watch.others:
        watch.state = await _state(session, watch)
        if command.status:
            async for line in _statuses(session, watch, watch.state):
                yield line
    yield ok("done")


async def _state(session: Session, watch: Watch) -> State:
    """Read what there is; listen to every account of it from then on."""
    tree = await trees.grow(session, EVERYTHING)
    here = () if session.unselected else (session.selected.key.account_id,)
    watch.listen(frozenset((session.account_id, *here, *(mailbox.key.account_id for mailbox in tree.mailboxes.values()))))
    if not watch.annotations:
        return State(tree)
    return State(tree, await session.services.db.read(_marks, session.account_id, session.person_id))


def _marks(tx: Tx, account_id: int, person_id: int) -> Marks:
    scopes = {SHARED: "/shared", person_id: "/private"}
    rows = annotations.marks(tx, account_id, tuple(scopes))
    return Marks({(account_id, mailbox_id, scopes[owner_id] + entry): mark for mailbox_id, owner_id, entry, mark in rows})


async def _statuses(session: Session, watch: Watch, state: State) -> AsyncIterator[bytes]:
    """Tell where every mailbox stands of which messages will be told (RFC 5465 §3.1)."""
    selected = None if session.unselected else session.selected.key
    for name, mailbox in state.tree.mailboxes.items():
        if mailbox.key != selected and "r" in state.tree.rights_at(name) and wants(watch.groups, name, state.tree, OF_MESSAGES):
            yield await _line(session, state, Counted(name, mailbox))


async def news(session: Session) -> AsyncIterator[bytes]:
    """Yield what is to be told now. Raises MailboxVanished, AccessEnded."""
    watch = session.watch
    if watch is None or not watch.rung:
        return
    watch.rung = False
    await session.require_standing()
    if watch.selected is not None and not session.unselected:
        await session.refresh()
        last = session.last_uid
        for line in await session.announce(renumber=watch.at_once):
            yield line
        async for lines in arrivals(session, last):
            yield lines
    if watch.state is not None:
        before, watch.state = watch.state, await _state(session, watch)
        selected = None if session.unselected else session.selected.key
        for notice in told(watch.groups, before, watch.state, selected):
            yield await _line(session, watch.state, notice)


async def arrivals(session: Session, after_uid: int) -> AsyncIterator[bytes]:
    """Yield what was asked for of each message that has just been announced, those above `after_uid` (RFC 5465 §5.2)."""
    group = None if session.watch is None else session.watch.selected
    if group is None or not group.items or session.unselected or session.last_uid <= after_uid:
        return
    items = (UID, *(item for item in group.items if item is not UID))
    async for reply in fetching.fetch(session, Fetch(SequenceSet(((after_uid + 1, session.last_uid),)), items, uid=True)):
        if not isinstance(reply, Done):
            yield reply


async def _line(session: Session, state: State, notice: Notice) -> bytes:
    match notice:
        case Listed(name, old_name):
            there = state.tree.mailboxes.get(name)
            marks = listing.attributes(state.tree, name)
            subscribed = (b"\\Subscribed",) if name in state.tree.subscribed else ()
            return listing.line(b"LIST", Entry(name, (*marks, *subscribed), there, old_name=old_name), utf8=session.utf8)
        case Counted(name, mailbox):
            items = (*COUNTS, "HIGHESTMODSEQ") if "CONDSTORE" in session.enabled else COUNTS
            return await status_line(session, name, mailbox, items)
        case Annotated(name, entries):
            label = responses.mailbox(name, utf8=session.utf8) if name else b'""'
            return b"* METADATA %b %b\r\n" % (label, b" ".join(responses.quoted(entry.encode("ascii")) for entry in entries))
