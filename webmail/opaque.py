"""Letters whose text is inside their signature: read as if they had come in clear, made where a way changes what it can read.

RFC 8551 §3.5.2 (the opaque form), §3.5.3 (the clear one).
"""

import asyncio
import re
import secrets

from mailcore.message import content, headers
from mailcore.message.signed import OPAQUE
from signing import cms, der, signers, smime
from signing.der import BadDer
from webmail import inside
from webmail.desk import Box, Desk
from webmail.language import gettext as _
from webmail.letters import Addressed, Letter
from webmail.reading import Opened
from webmail.sections import NOTHING, Read

NAME = "opaque"
SIGNED = (der.write_oid(cms.SIGNED_DATA),)
MAX_TYPE_AT = 32  # where the type of a content stands at the latest: after two lengths
_BOUNDARY = re.compile(rb'boundary="([^"]+)"')


async def read(desk: Desk, box: Box, opened: Opened) -> Read:
    """Show what a signature of the opaque form holds as if it had come in clear."""
    within = await asyncio.to_thread(clear, opened)
    return NOTHING if within is None else Read((), within)


def clear(opened: Opened) -> Opened | None:
    """Return an opaquely signed letter as the clear-signed one with the same signatures; None when it is no such letter."""
    octets = cms_of(opened, SIGNED)
    if octets is None:
        return None
    try:
        found = signers.split(octets, signers.MAX_CONTENT_BYTES)
        signature = signers.join(*found.each)
        entity = None if found.content is None else smime.entity(found.content, signature, f"=_{secrets.token_hex(16)}")
    except BadDer:
        return None
    return None if entity is None else inside.opened(opened, entity)


def cms_of(opened: Opened, kinds: tuple[bytes, ...]) -> bytes | None:
    """Return the CMS that a whole letter is, when its type, as an identifier in DER, is one of these; else None."""
    root = opened.header.spans[0]
    if (root.type, root.subtype) not in OPAQUE:
        return None
    octets = content.decoded(opened.raw, root)
    return octets if any(kind in octets[:MAX_TYPE_AT] for kind in kinds) else None


async def check(desk: Desk, letter: Letter) -> list[str]:
    """Say that there must be a signature into which a letter can go."""
    return [] if letter.sign else [_("Only a letter that is signed officially can stand inside its signature.")]


async def wrap(desk: Desk, addressed: Addressed, top: bytes, entity: bytes) -> tuple[bytes, bytes]:
    """Put a clear-signed letter into its signature, or signatures."""
    return top, await asyncio.to_thread(_enclosed, entity)


def _enclosed(entity: bytes) -> bytes:
    _fields, body_start = headers.scan(entity)
    mark = _BOUNDARY.search(entity, 0, body_start)
    if mark is None:
        raise ValueError("a clear-signed entity has a boundary")
    cut = smime.detached(entity[body_start:], mark[1].decode("ascii"))
    return smime.opaque(signers.enclose(cut.cms, cut.entity))
