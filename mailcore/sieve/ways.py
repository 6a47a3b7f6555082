"""Whom a script sends letters on to although its owner's domain may not write there. Units of work.

At a delivery such a letter stays in its mailbox (plans.py); here the owner is told when the script is written (RFC 5804 §1.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.errors import OutsideNotAllowed
from mailcore.queue.types import parsed
from mailcore.routing import policy
from mailcore.routing.policy import View
from mailcore.sieve.compile import Script
from mailcore.sieve.faults import Place
from mailcore.sieve.surroundings import owner

MAX_JUDGED = 100  # domains of one script: each takes some look-ups
MAX_WARNINGS = 20  # of one script; more help nobody


@dataclass(frozen=True, slots=True)
class Closed:
    """An address that letters cannot go on to, where it stands in the script, and why."""

    address: str
    place: Place
    why: str


def warnings(tx: Tx, account_id: int, script: Script, view: View) -> list[str]:
    """Return a sentence for each of what `closed` finds."""
    return [
        f"line {one.place.line}, column {one.place.column}: letters stay here instead of going to {one.address}: {one.why}"
        for one in closed(tx, account_id, script, view)
    ]


def closed(tx: Tx, account_id: int, script: Script, view: View) -> list[Closed]:
    """Return the addresses, known before any letter, that letters of this account cannot go on to."""
    whose = owner(tx, account_id).address
    if not whose or not script.redirects:
        return []
    why = _closed(tx, parsed(whose).domain, [parsed(address).domain for address, _ in script.redirects], view)
    found = (Closed(address, place, why[domain]) for address, place in script.redirects if (domain := parsed(address).domain) in why)
    return list(found)[:MAX_WARNINGS]


def _closed(tx: Tx, own_domain: str, domains: Sequence[str], view: View) -> dict[str, str]:
    """Return why mail from a domain may not go to some others, for those where it may not."""
    refusals = {}
    for domain in list(dict.fromkeys(domains))[:MAX_JUDGED]:
        try:
            policy.permit(tx, own_domain, domain, view)
        except OutsideNotAllowed as error:
            refusals[domain] = error.text
    return refusals
