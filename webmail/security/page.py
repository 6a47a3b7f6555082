"""The page Security: everything a person signs in with, and where it is in use."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from config.settings import Web
from directory import client_certificates, credentials, factors
from directory.client_certificates import ClientCertificate
from directory.credentials import AppPassword
from directory.oidc import consents
from directory.oidc.consents import Allowed
from webmail import agents, guard, render, sessions
from webmail.desk import Desk
from webmail.oidc.wording import scope_words
from webmail.security import wording
from webmail.sessions import Listed


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a person has to sign in with, and what has been let in by it."""

    password_us: int | None
    factors: factors.Overview
    apps: list[AppPassword]
    certificates: list[ClientCertificate]
    sessions: list[Listed]
    platforms: list[Allowed]


async def show(request: Request, desk: Desk) -> Response:
    """Show the page."""
    services = desk.services
    found = await services.db.read(_load, services.settings.web, desk.person_id)
    return render.page(
        request,
        "security/page.html",
        desk,
        found=found,
        here_hash=sessions.digest(desk.cookie),
        passkeys_offered=services.signin.steps.site is not None,
        scope_names=wording.SCOPES,
        agent=agents.named,
        meaning=scope_words,
        now_us=services.clock.now_us(),
    )


async def back(request: Request, desk: Desk) -> Response:
    """Answer whoever opens the address of a form: the page is where forms are."""
    return guard.see("/security")


def _load(tx: Tx, limits: Web, person_id: int) -> Holdings:
    return Holdings(
        credentials.password_changed_us(tx, person_id),
        factors.overview(tx, person_id),
        credentials.list_app_passwords(tx, person_id),
        client_certificates.listed(tx, person_id),
        sessions.listed(tx, limits, person_id),
        consents.allowed(tx, person_id),
    )
