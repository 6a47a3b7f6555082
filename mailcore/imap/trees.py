"""The mailboxes that somebody sees: their own, and in namespaces beside them those of others. RFC 2342, RFC 9051 §6.3.10."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from config.log import log
from mailcore.imap import names
from mailcore.imap.listing import Tree
from mailcore.imap.names import Pattern
from mailcore.imap.session import Session
from mailcore.store import mailboxes, rights
from mailcore.store.rights import Reach, Rights
from mailcore.store.types import AccountId, Mailbox

MAX_ACCOUNTS = 1_000  # of others in one listing: about 0.1 s; whoever sees more is told of the first ones


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read in one look. `unopened` are accounts of others that have no mailboxes yet, because nobody opened them."""

    own: Sequence[Mailbox]
    subscribed: Sequence[str]
    others: Sequence[tuple[Reach, Sequence[Mailbox]]] = ()
    unopened: Sequence[AccountId] = ()


async def grow(session: Session, wanted: Sequence[Pattern]) -> Tree:
    """Return what may be listed of what the patterns could match."""
    tops = (names.OTHERS, names.SHARED)
    beside = session.others and any(pattern.may_match_below(top) for pattern in wanted for top in tops)
    facts = session.account_id, session.person_id if beside else None
    seen = await session.services.db.read(look, *facts)
    if seen.unopened:
        for account_id in seen.unopened:
            await session.services.store.open_account(account_id)
        seen = await session.services.db.read(look, *facts)
    shown = {one.name: one for one in seen.own if session.reaches(one.name) and not (session.others and names.foreign(one.name))}
    foreign: dict[str, Rights] = {}
    for reach, found in seen.others:
        root = names.root(names.NAMESPACES[reach.kind], reach.address)
        for mailbox in found:
            given = reach.at(mailbox)
            if "l" in given:
                name = names.shown(root, mailbox.name)
                shown[name], foreign[name] = mailbox, given
    return Tree(shown, frozenset(filter(session.reaches, seen.subscribed)), foreign, session.own_rights)


def look(tx: Tx, account_id: AccountId, person_id: int | None) -> Seen:
    """Read an account's mailboxes and subscriptions and, for a person, the mailboxes of others within their reach."""
    own, subscribed = mailboxes.listing(tx, account_id), mailboxes.subscriptions(tx, account_id)
    if person_id is None:
        return Seen(own, subscribed)
    reaches = [reach for reach in rights.reachable(tx, person_id) if names.SEPARATOR not in reach.address]
    if len(reaches) > MAX_ACCOUNTS:
        log.warning("imap.too_many_accounts", person_id=person_id, accounts=len(reaches))
        reaches = reaches[:MAX_ACCOUNTS]
    unopened = [reach.account_id for reach in reaches if not rights.is_open(tx, reach.account_id)]
    return Seen(own, subscribed, [(reach, mailboxes.listing(tx, reach.account_id)) for reach in reaches], unopened)
