"""Whether a letter under an address of ours was sent by somebody who signed in."""

from config.database import Tx
from directory import resolve
from signing.verdict import Verdict
from webmail.desk import Desk
from webmail.reading import Opened
from webmail.trace import is_from_outside


async def is_posing(desk: Desk, opened: Opened, verdict: Verdict | None) -> bool:
    """Say whether the author's address is of a domain of ours though nobody signed in to send this, and no signature proves it."""
    if not is_from_outside(opened.header):
        return False
    if verdict is not None and verdict.status == "valid":
        return False
    return await desk.services.db.peek(_any_local, [author.domain.lower() for author in opened.people(b"from")])


def _any_local(tx: Tx, domains: list[str]) -> bool:
    return any(resolve.is_local_domain(tx, domain) for domain in domains)
