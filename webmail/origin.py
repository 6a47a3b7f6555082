"""Whether a letter under an address of ours was sent by somebody who signed in. RFC 3848, RFC 5321 §4.4."""

import re

from config.database import Tx
from directory import resolve
from signing.verdict import Verdict
from webmail.desk import Desk
from webmail.reading import Opened

# Our own trace stands on top. Its protocol ends in A when the client had signed in, and is HTTPS from the webmail.
_STRANGER = re.compile(rb"received:.*?\swith\s+(?:utf8smtp|e?smtp)s?\s", re.IGNORECASE | re.DOTALL)


async def is_posing(desk: Desk, opened: Opened, verdict: Verdict | None) -> bool:
    """Say whether the author's address is of a domain of ours though nobody signed in to send this, and no signature proves it."""
    fields = opened.header.fields
    if not fields or fields[0][0] != b"received" or _STRANGER.match(fields[0][1]) is None:
        return False
    if verdict is not None and verdict.status == "valid":
        return False
    return await desk.services.db.peek(_any_local, [author.domain.lower() for author in opened.people(b"from")])


def _any_local(tx: Tx, domains: list[str]) -> bool:
    return any(resolve.is_local_domain(tx, domain) for domain in domains)
