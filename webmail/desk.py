"""Who is behind a request and which mailboxes are theirs today: their own, and those of the posts they hold now.

Looked up anew for every request, so that a function that was withdrawn is gone with the next click.
"""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from config.database import Tx
from config.settings import Web
from directory import holdings, organisations, people, posts, units
from directory.types import HeldPost, Organisation, Person
from mailcore.services import Services
from mailcore.store.keys import AccountKey
from webmail import sessions
from webmail.errors import NoSuchPage
from webmail.language import pick

SESSION_COOKIE = "__Host-session"
GUEST_COOKIE = "__Host-guest"  # what the sign-in form proves itself with, before there is a session
LANGUAGE_COOKIE = "__Host-language"


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox that the visitor may use: their own, a post's, or the box of a unit. Names in both scripts."""

    account_id: int
    address: str
    kind: Literal["person", "post", "unit"]
    name_ar: str
    name_fr: str
    organisation_ar: str
    organisation_fr: str

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return pick(self.name_ar, self.name_fr)

    @property
    def organisation(self) -> str:
        """The administration in the reader's language; "" when it has none."""
        return pick(self.organisation_ar, self.organisation_fr)

    @property
    def official(self) -> str:
        """How letters name the sender: a post or unit with its administration, since many have a registry."""
        if self.kind == "person":
            return self.name
        return " · ".join(part for part in (self.name, self.organisation) if part)


@dataclass(frozen=True, slots=True)
class Desk:
    """One signed-in visitor with the parts of the node."""

    services: Services
    cookie: str
    person_id: int
    login: str
    boxes: tuple[Box, ...]

    @property
    def own(self) -> Box:
        """The visitor's own mailbox."""
        return self.boxes[0]

    def box(self, account_id: int) -> Box:
        """Return a mailbox by its account. Raises NoSuchPage when it is not the visitor's."""
        found = self.find(account_id)
        if found is None:
            raise NoSuchPage(account_id=account_id)
        return found

    def find(self, account_id: int) -> Box | None:
        """Return a mailbox by its account, or None when it is not the visitor's."""
        return next((box for box in self.boxes if box.account_id == account_id), None)

    async def key(self, box: Box) -> AccountKey:
        """Unlock a mailbox."""
        return await self.services.store.open_account(box.account_id)


async def find(request: Request, services: Services) -> Desk | None:
    """Return the desk of whoever sent the request, or None when no session is alive."""
    cookie = request.cookies.get(SESSION_COOKIE, "")
    return await find_by(services, cookie) if cookie else None


async def find_by(services: Services, cookie: str) -> Desk | None:
    """Return the desk of a session by its cookie, or None when it is not alive."""
    found = await services.db.read(_load, services.settings.web, cookie)
    if found is None:
        return None
    session, login, boxes = found
    if session.stale(services.clock.now_us()):
        await services.db.write(sessions.touch, cookie)
    return Desk(services, cookie, session.person_id, login, boxes)


def _load(tx: Tx, limits: Web, cookie: str) -> tuple[sessions.Session, str, tuple[Box, ...]] | None:
    session = sessions.find(tx, limits, cookie)
    if session is None:
        return None
    person = people.find(tx, session.person_id)
    held = holdings.held_by(tx, person.person_id, tx.now_us)
    return session, person.address, (_own_box(tx, person), *(_held_box(tx, one) for one in held))


def _own_box(tx: Tx, person: Person) -> Box:
    place = _organisation(tx, person.unit_id)
    return Box(person.person_id, person.address, "person", person.name_ar, person.name_fr, *place)


def _held_box(tx: Tx, held: HeldPost) -> Box:
    if held.kind == "unit":
        return Box(held.account_id, held.address, "unit", held.title_ar, held.title_fr, *_organisation(tx, held.account_id))
    place = _organisation(tx, posts.find(tx, held.account_id).unit_id)
    return Box(held.account_id, held.address, "post", held.title_ar, held.title_fr, *place)


def _organisation(tx: Tx, unit_id: int | None) -> tuple[str, str]:
    """Return the administration's names in Arabic and French."""
    if unit_id is None:
        return "", ""
    found: Organisation = organisations.find(tx, units.find(tx, unit_id).organisation_id)
    return found.name_ar, found.name_fr
