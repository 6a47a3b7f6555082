"""Encrypted letters: opened when their reader has shown who it is, and made when a writer asks for it. RFC 8551 §3.3, §3.5.

Only a letter that is encrypted as a whole is opened (an encrypted part among others is a file), what is inside is shown as text unless
nobody can have changed it, and whatever cannot be opened is told in one and the same way.
"""

import asyncio
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory import certificates, resolve
from directory.types import Certificate
from mailcore import correspondents
from mailcore.message import content
from signing import der, envelope, enveloped, signers, unwrapping
from signing.der import BadDer
from signing.envelope import Undecipherable
from signing.enveloped import CBC, Enveloped, Share
from signing.verdict import Verdict
from webmail import bidi, guard, inside, letters, opaque, opening, reading, recipients
from webmail.desk import Box, Desk
from webmail.errors import NoSuchPage, NothingToEncrypt
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.language import ngettext
from webmail.letters import Addressed, Letter
from webmail.reading import Opened
from webmail.sections import NOTHING, Read, Section
from webmail.security import proof

NAME = "encrypt"
ACTION = "decrypt"
ENCRYPTED = tuple(der.write_oid(name) for name in (enveloped.ENVELOPED, enveloped.AUTH_ENVELOPED))
TEMPLATE = "encrypted.html"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page says of an encrypted letter. `state`: `closed`, `open`, `foreign` (for somebody else) or `failed`."""

    state: str
    changeable: bool = False  # no signature inside, and of a kind that can be changed on its way
    other_author: bool = False
    misdirected: bool = False  # signed, but to others: who has it may have sent it on as if to this reader


async def read(desk: Desk, box: Box, opened: Opened) -> Read:
    """Open an encrypted letter whose key this session has, else say how it is opened."""
    octets = opaque.cms_of(opened, ENCRYPTED)
    if octets is None:
        return NOTHING
    found = await asyncio.to_thread(_taken, octets)
    if found is None:
        return _told("failed")
    key = await desk.services.db.read(opening.find, desk.cookie, octets)
    if key is None:
        return _told("closed" if await _held(desk, box, found) else "foreign")
    entity = await asyncio.to_thread(_content, found, key)
    if entity is None:
        return _told("failed")
    return await _opened(desk, box, opened, found, entity)


async def _opened(desk: Desk, box: Box, opened: Opened, found: Enveloped, entity: bytes) -> Read:
    decrypted = await asyncio.to_thread(inside.opened, opened, entity)
    within = await asyncio.to_thread(opaque.clear, decrypted) or decrypted
    signed = await reading.judge(desk, within)
    changeable = found.cipher == CBC and (signed is None or signed.status != "valid")
    copies = inside.copies_of(within)
    differs = inside.author_differs(opened.header.fields, copies)
    misdirected = signed is not None and bool(copies) and not await _is_named(desk, box, within)
    facts = Facts("open", changeable, differs, misdirected)
    return Read((Section(TEMPLATE, facts),), within, plain_only=changeable)


async def _is_named(desk: Desk, box: Box, within: Opened) -> bool:
    """Say whether a letter is from or to a box, under any of its addresses."""
    named = [one.address for field in (b"from", b"to", b"cc") for one in within.people(field)]
    return await desk.services.db.peek(_any_is, named, box.account_id)


def _any_is(tx: Tx, written: list[str], account_id: int) -> bool:
    found = [resolve.written(tx, one) for one in written]
    return any(target is not None and target.account_id == account_id for target in found)


def is_encrypted(opened: Opened) -> bool:
    """Say whether a whole letter is encrypted."""
    return opaque.cms_of(opened, ENCRYPTED) is not None


def _taken(octets: bytes) -> Enveloped | None:
    try:
        return enveloped.read(octets, signers.MAX_CONTENT_BYTES)
    except BadDer:
        return None


def _content(found: Enveloped, key: bytes) -> bytes | None:
    try:
        entity = envelope.open_with(found, key)
    except Undecipherable:
        return None
    return entity if inside.is_entity(entity) else None


def _told(state: str) -> Read:
    return Read((Section(TEMPLATE, Facts(state)),))


async def _held(desk: Desk, box: Box, found: Enveloped) -> Certificate | None:
    """Return the certificate of a box that a letter was encrypted for; of what is lent the key stays with its owner."""
    if box.lent is not None:
        return None
    every = await desk.services.db.read(certificates.every, box.account_id, certificates.ENCRYPT)
    return next((one for one in every if envelope.share(found, one.der) is not None), None)


async def act(request: Request, desk: Desk, box: Box, opened: Opened, form: Form) -> Response:
    """Open a letter for whoever has proved that they are its reader. Raises NoSuchPage for one that is not encrypted for them."""
    octets = opaque.cms_of(opened, ENCRYPTED)
    found = None if octets is None else await asyncio.to_thread(_taken, octets)
    held = None if found is None else await _held(desk, box, found)
    share = None if found is None or held is None else envelope.share(found, held.der)
    if octets is None or found is None or held is None or share is None:
        raise NoSuchPage(account_id=box.account_id)

    async def sure(request: Request, desk: Desk, form: Form, grant: bytes) -> Response:
        key = await _key(desk, held, share, found.key_bytes, grant)
        await desk.services.db.write(opening.keep, desk.cookie, octets, key)
        log.info("web.decrypted", account_id=box.account_id, person_id=desk.person_id, key_id=held.key_id)
        return guard.see(request.url.path)

    return await proof.granted(sure)(request, desk, form)


async def _key(desk: Desk, held: Certificate, share: Share, key_bytes: int, grant: bytes) -> bytes:
    """Have the signer give the key of a letter. One that opens nothing is kept like the others: the page tells that it failed."""
    services = desk.services
    digest = unwrapping.digest(share.method, share.wrapped, share.point, share.info)
    token = await services.activator.permit(grant, held.account_id, held.key_id, digest, "decrypt")
    return await services.signer.decrypt(held.key_id, share, key_bytes, token)


async def learn(desk: Desk, opened: Opened, judged: Verdict | None) -> None:
    """Remember from a good signature of somebody elsewhere how to write to them in secret."""
    if judged is None or judged.status != "valid" or judged.signed_at_us is None or len(judged.path) < 2:
        return
    at_us, services = desk.services.clock.now_us(), desk.services
    signature = content.decoded(opened.raw, opened.header.spans[-1])
    known = await asyncio.to_thread(correspondents.announced, signature, judged.path, judged.address, at_us)
    if known is not None and await services.db.read(correspondents.find, judged.address) != known:
        await services.db.write(correspondents.learn, judged.address, known, judged.signed_at_us)


async def check(desk: Desk, letter: Letter) -> list[str]:
    """Say what keeps a letter from being encrypted: blind copies, readers without a certificate, one whose program needs a signature."""
    if recipients.parse(letter.bcc).mailboxes:
        return [_("An encrypted letter names everybody who can read it: send blind copies as letters of their own.")]
    sender = desk.sender(letter.sender)
    if sender is None:
        return []
    everybody = [one.address for field in ("to", "cc") for one in recipients.parse(getattr(letter, field)).mailboxes]
    found = await correspondents.readers(desk.services, [*everybody, sender.address])
    if sender.address in found.missing:
        return [_("This sender has no certificate for encryption, so the copy in Sent could not be read: ask your administrator for one.")]
    if found.missing:
        shown = ", ".join(bidi.isolate(address) for address in found.missing[:5])
        text = ngettext(
            "No certificate for encryption is known for: %(list)s",
            "No certificates for encryption are known for: %(list)s",
            len(found.missing),
        )
        return [text % {"list": shown}]
    if found.cipher == CBC and not letter.sign:
        return [_("Somebody's mail program reads only an encryption that can be changed on its way: sign this letter as well.")]
    return []


async def wrap(desk: Desk, addressed: Addressed, top: bytes, entity: bytes) -> tuple[bytes, bytes]:
    """Encrypt a letter for everybody whom it names and for its sender, its subject with it. Raises NothingToEncrypt."""
    everybody = (*addressed.recipients, addressed.sender.address)
    found = await correspondents.readers(desk.services, everybody)
    if found.missing:
        raise NothingToEncrypt(missing=len(found.missing))
    sealed_octets = await asyncio.to_thread(envelope.seal, entity, found.recipients)
    return letters.confidential(top), envelope.entity(sealed_octets, found.cipher)
