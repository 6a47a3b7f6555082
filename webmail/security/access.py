"""What has been let in: sessions of browsers, client certificates, and platforms."""

import re

from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from config.settings import Web
from directory import client_certificates
from directory.acts import own
from directory.errors import NotFound
from directory.oidc import consents, grants
from directory.rights import Actor
from webmail import guard, sessions
from webmail.desk import Desk
from webmail.forms import Form
from webmail.language import pick
from webmail.oidc import farewell
from webmail.security import changes
from webmail.security.notices import Event

_DIGEST = re.compile(r"[0-9a-f]{64}")


async def end_sessions(request: Request, desk: Desk, form: Form) -> Response:
    """End one session, or every one but this."""
    wanted = _digest(form, "session")
    ended = await desk.services.db.write(_end_others, desk.services.settings.web, desk.person_id, sessions.digest(desk.cookie), wanted)
    return guard.see(changes.PAGE, "ended", ended, anchor="sessions")


async def revoke_certificate(request: Request, desk: Desk, form: Form) -> Response:
    """Make a client certificate useless at once. Raises NotFound."""
    wanted = _digest(form, "certificate")
    listed = await desk.services.db.read(client_certificates.listed, desk.person_id)
    one = next((one for one in listed if one.sha256 == wanted), None)
    if one is None:
        raise NotFound(person_id=desk.person_id)
    done = await changes.carry(request, desk, Event("certificate-revoked", one.label), own.revoke_certificate, one.sha256)
    return done.see("certificate-revoked", "certificates")


async def withdraw(request: Request, desk: Desk, form: Form) -> Response:
    """Take back what was allowed to a platform. Raises NotFound."""
    client_id = form.text("platform")
    listed = await desk.services.db.read(consents.allowed, desk.person_id)
    one = next((one for one in listed if one.client_id == client_id), None)
    if one is None:
        raise NotFound(person_id=desk.person_id)
    event = Event("withdrawn", pick(one.name_ar, one.name_fr))
    done = await changes.carry(request, desk, event, _withdraw, client_id)
    return done.see("withdrawn", "platforms")


def _withdraw(tx: Tx, actor: Actor, client_id: str) -> int:
    return grants.withdraw(tx, actor.actor_id, client_id)


def _end_others(tx: Tx, limits: Web, person_id: int, this: bytes, wanted: bytes) -> int:
    """End the session of a digest, or every other one when it is empty; return how many. This one stays."""
    others = [one.token_hash for one in sessions.listed(tx, limits, person_id) if one.token_hash != this]
    ended = [one for one in others if not wanted or one == wanted]
    for token_hash in ended:
        farewell.end_of(tx, token_hash)
    return len(ended)


def _digest(form: Form, name: str) -> bytes:
    text = form.text(name)
    return bytes.fromhex(text) if _DIGEST.fullmatch(text) else b""
