"""Where a letter comes from: by somebody who signed in, or by which way from another node."""

from typing import Literal

from config.database import Tx
from directory import resolve
from mailcore.checks import authres
from mailcore.routing.trace import Mark
from signing.verdict import Verdict
from webmail.desk import Desk
from webmail.errors import N_
from webmail.language import gettext as _
from webmail.reading import Opened, acting
from webmail.trace import findings, is_from_outside, mark

DomainSays = Literal["confirmed", "denied", ""]

WAYS: dict[Mark, str] = {
    "missing": N_("Its sender's administration signs the way of its letters, and this one has no such signature."),
    "unknown": N_("On its way it passed a server that the state's list of servers does not have."),
    "revoked": N_("On its way it passed a server that is trusted no more."),
    "broken": N_("It was changed on its way, or what tells of its way was."),
    "stranger": N_("It was brought by another server than the one that signed for it last."),
    "other": N_("It was sent from another server than that of its sender's administration."),
}


async def is_posing(desk: Desk, opened: Opened, verdict: Verdict | None) -> bool:
    """Say whether an address that is shown is of a domain of ours though nobody signed in to send this, and no signature proves it.

    What a domain confirms is its author; who sent the letter on the author's behalf is still a stranger's word.
    """
    if not is_from_outside(opened.header):
        return False
    if verdict is not None and verdict.status == "valid":
        return False
    domains = {one.domain.lower() for one in opened.people(b"from")}
    confirmed = domains if domain_says(desk, opened) == "confirmed" else set()
    shown = domains | {one.domain.lower() for one in acting(opened)}
    return await desk.services.db.peek(_any_local, sorted(shown - confirmed))


def _any_local(tx: Tx, domains: list[str]) -> bool:
    return any(resolve.is_local_domain(tx, domain) for domain in domains)


def domain_says(desk: Desk, opened: Opened) -> DomainSays:
    """Say what the domain of the author of a letter from outside says of it: by what was found when it came (RFC 9989)."""
    found = findings(opened.header, desk.services.settings.node.hostname)
    domains = {author.domain.lower() for author in opened.people(b"from")}
    if not found or len(domains) != 1 or opened.count(b"from") != 1:
        return ""
    if authres.confirms(found, domains.pop()):
        return "confirmed"
    return "denied" if authres.results(found).get("dmarc") == "fail" else ""


def way(opened: Opened) -> str:
    """Return what is wrong with the way of a letter from another node, in the reader's language; "" for nothing."""
    found = mark(opened.header)
    return "" if found is None else _(WAYS[found.mark])
