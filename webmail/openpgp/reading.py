"""Letters that are signed or encrypted with OpenPGP, as the page shows them. RFC 3156.

Only what is signed or encrypted as a whole counts, and only what the signature covers is shown. A key is told by its whole
fingerprint and since when it is known. Its owner's directory is asked when somebody presses the button, never by opening a letter.
"""

from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response

from directory.errors import NotFound
from mailcore.openpgp import letters, mime, own, pins, trust
from mailcore.openpgp.letters import Reading
from signing.openpgp.errors import CannotOpen, PgpUnavailable
from signing.openpgp.types import Judged
from webmail import guard, inside, opening
from webmail.desk import Box, Desk
from webmail.errors import NoSuchPage
from webmail.forms import Form
from webmail.openpgp import wording
from webmail.openpgp.wording import Words
from webmail.reading import Opened
from webmail.sections import NOTHING, Action, Read, Section
from webmail.security import proof

TEMPLATE = "openpgp.html"
OPEN, KEEP, LOOK, ACCEPT = "pgp-open", "pgp-keep", "pgp-look", "pgp-accept"
OPENED = b"\1"  # what a session keeps of a letter that it opened: that it did

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page says of OpenPGP. `state` of an encrypted letter: `closed`, `open`, `foreign`, `failed`; "" when it is only signed.

    Fingerprints are as people compare them, "" for none; `mine` says whether the reader may decide about keys.
    """

    state: str
    words: Words | None = None
    author: str = ""
    signed_at_us: int = 0
    fingerprint: str = ""
    known_since_us: int = 0
    source: str = ""
    brought: str = ""
    offered: str = ""
    offered_raw: str = ""
    brought_raw: str = ""
    other_author: bool = False
    mine: bool = False


async def read_encrypted(desk: Desk, box: Box, opened: Opened) -> Read:
    """Open an encrypted letter that this session may see, else say how it is opened."""
    octets = mime.find_encrypted(opened.raw, opened.header.spans)
    if octets is None:
        return NOTHING
    if box.lent is not None or not await desk.services.db.read(own.of_account, box.account_id):
        return _told(Facts("foreign"))
    if await desk.services.db.read(opening.find, desk.cookie, octets) is None:
        return _told(Facts("closed"))
    try:
        found, judged = await letters.decrypt(desk.services, box.account_id, author(opened), octets)
    except (CannotOpen, PgpUnavailable):
        return _told(Facts("failed"))
    if not inside.is_entity(found.octets):
        return _told(Facts("failed"))
    within = inside.opened(opened, found.octets)
    if judged.judged.worth == "none" and mime.find_signed(within.raw, within.header.spans) is not None:
        return Read((Section(TEMPLATE, Facts("open")),), within)  # what is signed inside is told by its own reader
    facts = _facts("open", box, judged, other_author=inside.author_differs(opened.header.fields, inside.protected(found.octets)))
    return Read((Section(TEMPLATE, facts),), within)


async def read_signed(desk: Desk, box: Box, opened: Opened) -> Read:
    """Say what the signature of a letter is worth and show what it covers."""
    found = mime.find_signed(opened.raw, opened.header.spans)
    if found is None:
        return NOTHING
    try:
        judged = await _judged(desk, box, opened, found)
    except PgpUnavailable:  # what was made to take too long says nothing, and the letter is shown all the same
        judged = Reading(author(opened), Judged("unreadable"), None, None)
    facts = _facts("", box, judged, other_author=inside.author_differs(opened.header.fields, inside.protected(found.octets)))
    return Read((Section(TEMPLATE, facts),), inside.opened(opened, found.octets))


def author(opened: Opened) -> str:
    """Return the address of the one author; "" when there is none or several, of whom each program shows another one."""
    people = opened.people(b"from") if opened.count(b"from") == 1 else ()
    return people[0].address if len(people) == 1 else ""


async def _judged(desk: Desk, box: Box, opened: Opened, found: mime.Signed) -> Reading:
    attached = mime.attached_keys(opened.raw, opened.header.spans)
    return await letters.judge(desk.services, box.account_id, author(opened), found.octets, found.signature, attached)


def _facts(state: str, box: Box, found: Reading, *, other_author: bool) -> Facts:
    pin, judged, brought = found.pin, found.judged, found.brought
    return Facts(
        state,
        words=wording.words(found),
        author=found.author,
        signed_at_us=judged.signed_at_us,
        fingerprint=wording.grouped(judged.fingerprint or judged.issuer),
        known_since_us=pin.pinned_us if pin is not None else 0,
        source=wording.source(pin) if pin is not None else "",
        brought=wording.grouped(brought.fingerprint) if brought is not None else "",
        brought_raw=brought.fingerprint if brought is not None else "",
        offered=wording.grouped(pin.offered_fingerprint) if pin is not None else "",
        offered_raw=pin.offered_fingerprint if pin is not None and pin.account_id == box.account_id else "",
        other_author=other_author,
        mine=box.lent is None and bool(found.author),
    )


def _told(facts: Facts) -> Read:
    return Read((Section(TEMPLATE, facts),))


async def open_(request: Request, desk: Desk, box: Box, opened: Opened, form: Form) -> Response:
    """Open a letter for whoever has proved that they are its reader. Raises NoSuchPage for one that is not encrypted."""

    async def sure(request: Request, desk: Desk, form: Form) -> Response:
        octets = mime.find_encrypted(opened.raw, opened.header.spans)
        if octets is None or box.lent is not None:
            raise NoSuchPage(account_id=box.account_id)
        await desk.services.db.write(opening.keep, desk.cookie, octets, OPENED)
        log.info("web.pgp_opened", account_id=box.account_id, person_id=desk.person_id)
        return guard.see(request.url.path)

    return await proof.fresh(sure)(request, desk, form)


async def keep(request: Request, desk: Desk, box: Box, opened: Opened, form: Form) -> Response:
    """Take notice of the key that came with a letter: the first one of its author is pinned. Raises NotFound for another than was shown."""
    found = await _signed_reading(desk, box, opened)
    if found.brought is None or found.brought.fingerprint != form.text("fingerprint"):
        raise NotFound("this letter does not bring this key", account_id=box.account_id)
    await desk.services.db.write(pins.see, box.account_id, found.author, found.brought, "letter")
    return guard.see(request.url.path, "pgp-kept")


async def look(request: Request, desk: Desk, box: Box, opened: Opened, form: Form) -> Response:
    """Ask the directory of the author's domain for their key."""
    address = _decider(box, opened)
    found = await letters.look_up(desk.services, box.account_id, address)
    return guard.see(request.url.path, "pgp-found" if found is not None else "pgp-none")


async def accept(request: Request, desk: Desk, box: Box, opened: Opened, form: Form) -> Response:
    """Take the other key of the author that was shown, once the reader has proved who they are. Raises NotFound."""
    address = _decider(box, opened)

    async def sure(request: Request, desk: Desk, form: Form) -> Response:
        await desk.services.db.write(trust.accept, desk.actor(box), box.account_id, address, form.text("fingerprint"))
        return guard.see(request.url.path, "pgp-accepted")

    return await proof.fresh(sure)(request, desk, form)


ACTIONS: dict[str, Action] = {OPEN: open_, KEEP: keep, LOOK: look, ACCEPT: accept}


async def _signed_reading(desk: Desk, box: Box, opened: Opened) -> Reading:
    """Return what is known of a letter's signature, opened before when it is encrypted. Raises NoSuchPage."""
    _decider(box, opened)
    octets = mime.find_encrypted(opened.raw, opened.header.spans)
    if octets is not None and await desk.services.db.read(opening.find, desk.cookie, octets) is not None:
        found, judged = await letters.decrypt(desk.services, box.account_id, author(opened), octets)
        within = inside.opened(opened, found.octets)
        return judged if mime.find_signed(within.raw, within.header.spans) is None else await _signed_reading(desk, box, within)
    signed = mime.find_signed(opened.raw, opened.header.spans)
    if signed is None:
        raise NoSuchPage(account_id=box.account_id)
    return await _judged(desk, box, opened, signed)


def _decider(box: Box, opened: Opened) -> str:
    """Return the author about whose keys the holder of a box may decide. Raises NoSuchPage."""
    found = author(opened)
    if box.lent is not None or not found:
        raise NoSuchPage(account_id=box.account_id)
    return found
