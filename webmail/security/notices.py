"""The mail that tells people of a change to what they sign in with: what, when, from where, and what to do if it was not them.

RFC 3834 §5 (Auto-Submitted).
"""

import contextvars
import secrets
from dataclasses import dataclass

from starlette.requests import Request

from config.database import Tx
from directory import people
from directory.address import parse
from directory.types import Person
from mailcore.message import build
from mailcore.message.addresses import Mailbox
from mailcore.queue import accept
from mailcore.queue.types import Entry, Recipient, Submission
from mailcore.services import Services
from webmail import agents, bidi, guard, language
from webmail.desk import Desk
from webmail.errors import N_
from webmail.language import gettext as _
from webmail.times import offset_min

FROM = "Diwan"
NEVER = frozenset({"NEVER"})  # RFC 3461 §4.1: nobody is told that a notice did not arrive
MAX_DETAIL = 200

EVENTS = {
    "password": N_("Your password was changed."),
    "codes-on": N_("Codes from an application were turned on as a second proof."),
    "codes-off": N_("Codes from an application were turned off as a second proof."),
    "recovery": N_("Your recovery codes were replaced. The former ones are worth nothing."),
    "passkey-added": N_("A passkey was added: %(name)s"),
    "passkey-removed": N_("A passkey was removed: %(name)s"),
    "app-added": N_("An app password was created: %(name)s"),
    "app-revoked": N_("An app password was revoked: %(name)s"),
    "certificate-revoked": N_("A client certificate was revoked: %(name)s"),
    "withdrawn": N_("A platform may not see your data any more: %(name)s"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """A change that is to be told: its name in EVENTS, and what it was about in the person's own words."""

    name: str
    detail: str = ""

    @property
    def words(self) -> str:
        """What has happened, in the language in use."""
        return _(EVENTS[self.name]) % {"name": bidi.isolate(self.detail[:MAX_DETAIL])}


async def entry(request: Request, desk: Desk, event: Event) -> Entry:
    """Return the notice to the person at the desk, durable, for the transaction of the change."""
    services = desk.services
    person = await services.db.peek(_person, desk.person_id)
    raw = contextvars.copy_context().run(_written, services, person, event, guard.peer(request), request.headers.get("user-agent", ""))
    recipient = Recipient(person.address, NEVER)
    return await accept.prepare(services, Submission("", (recipient,), raw, smtputf8=not person.address.isascii()))


def _person(tx: Tx, person_id: int) -> Person:
    return people.find(tx, person_id)


def _written(services: Services, person: Person, event: Event, peer: str, user_agent: str) -> bytes:
    language.use(person.language if person.language in language.LANGUAGES else services.settings.web.default_language)
    now_us, node = services.clock.now_us(), services.settings.node
    name = language.pick(person.name_ar, person.name_fr)
    facts = {"name": bidi.plain(name), "host": node.hostname, "peer": peer, "agent": agents.named(user_agent) or _("an unknown browser")}
    return build.message(
        sender=_mailbox(node.postmaster, FROM),
        to=[_mailbox(person.address, bidi.plain(name))],
        subject=_("Security of your account: %(what)s") % {"what": bidi.plain(event.words)},
        text="\n\n".join(
            (
                _("%(name)s,") % facts,
                event.words,
                _("When: %(day)s") % {"day": language.moment(now_us)} + "\n" + _("From: %(peer)s, %(agent)s") % facts,
                _("If this was you, there is nothing to do."),
                _(
                    "If it was not: sign in at %(host)s, change your password on the page Security, end the other sessions there,"
                    " and tell your administrator."
                )
                % facts,
            )
        )
        + "\n",
        date_us=now_us,
        message_id=f"<{secrets.token_hex(12)}@{node.hostname}>",
        extra=[("Auto-Submitted", "auto-generated")],
        offset_min=offset_min(now_us),
    )


def _mailbox(text: str, name: str) -> Mailbox:
    parts = parse(text)
    return Mailbox(name, parts.local, parts.domain)
