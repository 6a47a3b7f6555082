"""ESEARCH over several mailboxes. RFC 7377; the choices of mailboxes are those of RFC 5465 §6."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace

from mailcore.errors import BadMailboxName, LimitReached, NoSuchMailbox, NotAllowed
from mailcore.imap import looking, names, responses, trees
from mailcore.imap.commands import Multisearch, Source
from mailcore.imap.criteria import Changed, leaves
from mailcore.imap.handlers.searching import follow, ground, refusal, save, saving, unbounded
from mailcore.imap.names import Pattern
from mailcore.imap.parse.searching import SELECTED
from mailcore.imap.responses import Responses, bad, ok
from mailcore.imap.search import answers, engine
from mailcore.imap.search.answers import Result
from mailcore.imap.search.ground import Ground
from mailcore.imap.session import Session, State
from mailcore.store import keywords, mailboxes
from mailcore.store.fulltext import Found, Query
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, Mailbox, MailboxKey

MAX_MAILBOXES = 1_000  # of one command; RFC 7377 §2.4 lets a server say no


@dataclass(frozen=True, slots=True)
class Target:
    """A mailbox to search, and what this client calls it."""

    account: AccountKey
    key: MailboxKey
    name: str


async def esearch(session: Session, command: Multisearch) -> Responses:
    """One response for each mailbox in which something matches, by UID (RFC 7377 §2.1)."""
    search = command.search
    refused = refusal(session, search)
    if refused is None and session.state is not State.SELECTED and Source("SELECTED") in command.sources:
        refused = bad("no mailbox is selected")
    if refused is not None:
        yield refused
        return
    yield follow(session, search)
    returns = search.returns or answers.ALL
    with saving(session, search.returns):
        asked: dict[tuple[AccountId, Query, bool], Found] = {}
        async for target in _targets(session, command.sources):
            here, uidvalidity = await _ground(session, target)
            here = replace(here, asked=asked)
            refused = unbounded(session, here.view, search)
            if refused is not None:  # a UID to go on from says nothing where several mailboxes are searched
                yield refused
                return
            places = await engine.find(here, search.key)
            if command.sources == SELECTED:
                save(session, places, search.returns)
            if not places:
                continue
            modseqs = [here.view.modseqs[place] for place in answers.told(places, search.returns)]
            modseq = max(modseqs) if any(isinstance(key, Changed) for key in leaves(search.key)) else 0
            name = responses.mailbox(target.name, utf8=session.utf8)
            correlator = b'TAG "%b" MAILBOX %b UIDVALIDITY %d' % (session.tag, name, uidvalidity)
            result = Result(places, [here.view.uids[place] for place in places])
            yield answers.extended(correlator, result, returns, modseq, uid=True)
    yield ok("searched")


async def _ground(session: Session, target: Target) -> tuple[Ground, int]:
    """Return a mailbox to search and its UIDVALIDITY; the selected one as the client knows it."""
    if session.state is State.SELECTED and session.selected.key == target.key:
        return ground(session), session.selected.uidvalidity
    mailbox, view = await looking.look(session.services.db, session.memory.views, target.key)
    called = await session.services.db.peek(keywords.names, target.account.account_id)
    return Ground(session.services, session.memory, target.account, target.key, view, called), mailbox.uidvalidity


async def _targets(session: Session, sources: Iterable[Source]) -> AsyncIterator[Target]:
    """Return each mailbox once, in the order of the choices. What is not there or may not be read is passed over (RFC 7377 §2.2)."""
    seen: set[MailboxKey] = set()
    for source in sources:
        async for target in _chosen(session, source):
            if target.key not in seen:
                seen.add(target.key)
                if len(seen) > MAX_MAILBOXES:
                    raise LimitReached("too many mailboxes for one search")
                yield target


async def _chosen(session: Session, source: Source) -> AsyncIterator[Target]:
    if source.kind == "SELECTED":
        yield Target(session.selected.account, session.selected.key, session.selected.name)
    elif source.kind in OWN:
        subscribed = frozenset(await session.services.db.read(mailboxes.subscriptions, session.account_id))
        own = await session.services.db.read(mailboxes.listing, session.account_id)
        for mailbox in own:
            if session.reaches(mailbox.name) and OWN[source.kind](mailbox, subscribed):
                yield Target(session.account, mailbox.key, mailbox.name)
        if source.kind == "SUBSCRIBED":  # those of others, too
            for name in sorted(subscribed.difference(mailbox.name for mailbox in own)):
                async for target in _below(session, "MAILBOXES", name):
                    yield target
    else:
        for name in source.names:
            async for target in _below(session, source.kind, name):
                yield target


Choice = Callable[[Mailbox, frozenset[str]], bool]
OWN: dict[str, Choice] = {  # RFC 5465 §6.1 to §6.5
    "INBOXES": lambda mailbox, subscribed: mailbox.role == "inbox",  # the only one that mail is delivered to
    "PERSONAL": lambda mailbox, subscribed: True,
    "SUBSCRIBED": lambda mailbox, subscribed: mailbox.name in subscribed,
}


async def _below(session: Session, kind: str, name: str) -> AsyncIterator[Target]:
    """A mailbox by name, with what stands below it: all (SUBTREE), or one level (SUBTREE-ONE)."""
    if kind == "MAILBOXES":
        there = await _named(session, name)
        if there is not None:
            yield there
        return
    async for target in _tree(session, name, LEVELS[kind]):
        yield target


async def _named(session: Session, name: str) -> Target | None:
    """One mailbox. Who names it need not be able to look it up (RFC 7377 §2.2)."""
    try:
        place = await session.locate(name)
        mailbox = await session.services.db.read(mailboxes.find, place.account.account_id, place.name)
    except (NoSuchMailbox, BadMailboxName, NotAllowed):
        return None
    if "r" not in await session.rights_in(place, mailbox):
        return None
    return Target(place.account, mailbox.key, place.shown(mailbox.name))


async def _tree(session: Session, name: str, deepest: int) -> AsyncIterator[Target]:
    """A name and what may be listed and read below it, in whatever account; "" is above everything (RFC 7377 §2.2).

    The name need not be a mailbox: what groups mailboxes only, such as a namespace, has a subtree too.
    """
    itself = await _named(session, name) if name else None
    if itself is not None:
        yield itself
    top = name.removesuffix(mailboxes.SEPARATOR)
    tree = await trees.grow(session, (Pattern("*" if not top or names.is_reserved(top) else f"{top}{mailboxes.SEPARATOR}*"),))
    depth = top.count(mailboxes.SEPARATOR) + 1 if top else 0
    for shown, mailbox in tree.mailboxes.items():
        levels = shown.count(mailboxes.SEPARATOR) + 1 - depth
        if mailboxes.is_within(shown, top) and 1 <= levels <= deepest and "r" in tree.rights_at(shown):
            yield Target(await _account(session, mailbox), mailbox.key, shown)


async def _account(session: Session, mailbox: Mailbox) -> AccountKey:
    if mailbox.key.account_id == session.account_id:
        return session.account
    return await session.services.store.open_account(mailbox.key.account_id)


LEVELS = {"SUBTREE-ONE": 1, "SUBTREE": 2 + mailboxes.MAX_DEPTH}  # a namespace and an address stand above those of others
