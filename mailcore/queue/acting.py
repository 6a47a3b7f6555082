"""A letter that one person sends in the name of another: both are named, to the reader and in the journal.

RFC 5322 §3.6.2: whoever writes on behalf of the author stands in Sender. Where the right is to send as the author, Sender
is not asked for, and a field of our own names the person; nobody else may write that field here.
"""

from dataclasses import dataclass
from typing import Literal

from config.database import Tx
from directory import address, delegations, journal, people, rights
from directory.acts import places
from directory.address import Address
from directory.journal import Entry
from directory.rights import Actor
from mailcore.errors import NotAllowed
from mailcore.message import build
from mailcore.message.addresses import Mailbox
from mailcore.message.types import ACTING_FIELD

__all__ = ["ACTING_FIELD", "Acting", "fields", "find", "record"]


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts for whom: a person, in the name of the account `account_id`, under a delegation."""

    person_id: int
    name: str
    address: str
    account_id: int
    delegation_id: int
    sending: Literal["as", "on_behalf"]


def find(tx: Tx, person_id: int, author: Address) -> Acting | None:
    """Return by what delegation a person writes as `author`; None when it is their own name. Raises NotAllowed."""
    how = delegations.sending(tx, person_id, author, tx.now_us)
    if how is None:
        raise NotAllowed("this is not an address that you may send from", person_id=person_id)
    if how.sending == "own":
        return None
    person = people.find(tx, person_id)
    return Acting(person_id, person.name_fr or person.name_ar, person.address, how.account_id, how.delegation_id, how.sending)


def fields(acting: Acting, *, has_sender: bool = False) -> bytes:
    """Return the header fields that name the person; none when the message names them in Sender already."""
    parts = address.parse(acting.address)
    mailbox = Mailbox(acting.name, parts.local, parts.domain)
    if acting.sending == "as":
        return build.addresses(ACTING_FIELD, [mailbox])
    return b"" if has_sender else build.addresses("Sender", [mailbox])


def record(tx: Tx, acting: Acting, letter: str) -> None:
    """Journal that a letter was sent in the name of another; `letter` is its queue id."""
    chain = rights.chain(tx, places.account(tx, acting.account_id))
    what = {"letter": letter, "sending": acting.sending, "delegation_id": acting.delegation_id}
    actor = Actor(acting.name, acting.person_id, on_behalf_of=acting.account_id)
    journal.append(tx, [Entry(actor, "delegation.sent", "account", acting.account_id, chain.organisation_id, chain.unit_id, after=what)])
