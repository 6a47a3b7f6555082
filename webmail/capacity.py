"""In which quality somebody signed: who held the post on that day, or by which delegation another acted in it.

A certificate names the post; the directory, which forgets nothing, says who stood behind it when the signature was made. What a reader may
not know of holders is not shown here either.
"""

from dataclasses import dataclass

from config.database import Tx
from directory import cards, delegations, resolve, tenures, visibility
from signing.verdict import Verdict
from webmail.bidi import plain
from webmail.desk import Desk
from webmail.directory.shown import HOLDINGS
from webmail.language import gettext as _
from webmail.language import pick
from webmail.reading import Opened, acting
from webmail.trace import is_from_outside

DELEGATED = HOLDINGS["delegation"]


@dataclass(frozen=True, slots=True)
class Capacity:
    """A person, as what they acted ("" for the holder of the post), by which decision, from when until when (None is open)."""

    name: str
    quality: str
    decision_ref: str
    from_us: int
    to_us: int | None


async def capacities(desk: Desk, opened: Opened, verdict: Verdict | None) -> tuple[Capacity, ...]:
    """Return who acted in the post that signed, on the day of the signature; () when that is not known or not this reader's."""
    if verdict is None or verdict.status != "valid":
        return ()
    at_us = verdict.proven_us or verdict.signed_at_us or opened.stored.internaldate_us
    named = () if is_from_outside(opened.header) else acting(opened)
    return await desk.services.db.peek(_capacities, desk.person_id, verdict.address, named[0].address if named else "", at_us)


def _capacities(tx: Tx, person_id: int, address: str, delegate: str, at_us: int) -> tuple[Capacity, ...]:
    signed = resolve.written(tx, address)
    if signed is None:
        return ()
    if delegate:
        return _by_delegation(tx, signed.account_id, delegate, at_us)
    viewer = visibility.viewer(tx, person_id)
    card = cards.card(tx, viewer, signed.account_id)
    if card is None or card.kind != "post" or not tenures.shown(tx, viewer, [card]):
        return ()
    return tuple(_held(one) for one in tenures.during(tx, viewer, signed.account_id, at_us, at_us + 1) if one.person_id)


def _held(one: tenures.Tenure) -> Capacity:
    quality = "" if one.kind == "titular" else _(HOLDINGS[one.kind])
    return Capacity(plain(pick(one.name_ar, one.name_fr)), quality, plain(one.decision_ref), one.valid_from_us, one.valid_to_us)


def _by_delegation(tx: Tx, account_id: int, delegate: str, at_us: int) -> tuple[Capacity, ...]:
    """Who acted is named on the page already, as whoever received the letter knows them: what is added is by which right."""
    person = resolve.written(tx, delegate)
    lent = None if person is None else delegations.between(tx, person.account_id, account_id, at_us)
    if lent is None or lent.sends is None:
        return ()
    one = delegations.find(tx, lent.delegation_id)
    return (Capacity(plain(delegate), _(DELEGATED), plain(one.decision_ref), one.valid_from_us, one.valid_to_us),)
