"""Who is behind a request and which mailboxes are theirs today: their own, those of the posts they hold, and what was lent.

Looked up anew for every request, so that a function that was withdrawn is gone with the next click.
"""

from dataclasses import dataclass, replace
from typing import Literal

from starlette.requests import Request

from config.database import Tx
from config.settings import Web
from directory import delegations, holdings, organisations, people, posts, units
from directory.delegations import Delegated, Sending
from directory.rights import Actor
from directory.types import HeldPost, Organisation, Person
from mailcore.errors import LentForReading
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
    lent: Delegated | None = None  # what its owner lent of it; None for one's own, and those of posts held

    @property
    def opens(self) -> bool:
        """Whether it may be opened; some may only be written from."""
        return self.lent is None or self.lent.opens

    @property
    def writable(self) -> bool:
        """Whether anything in it may be changed."""
        return self.lent is None or "write" in self.lent.rights

    @property
    def folder(self) -> str:
        """The folder that it is limited to, "" for none."""
        return "" if self.lent is None else self.lent.folder

    @property
    def drafts(self) -> bool:
        """Whether letters can be written in it, drafts and all."""
        return self.writable and not self.folder

    @property
    def sends(self) -> Sending | None:
        """How letters leave under its address; None when they may not."""
        return "own" if self.lent is None else self.lent.sends

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

    @property
    def open_boxes(self) -> tuple[Box, ...]:
        """The mailboxes that the visitor may open."""
        return tuple(box for box in self.boxes if box.opens)

    @property
    def senders(self) -> tuple[Box, ...]:
        """The mailboxes under whose address the visitor may write."""
        return tuple(box for box in self.boxes if box.sends is not None)

    def box(self, account_id: int) -> Box:
        """Return a mailbox by its account. Raises NoSuchPage when the visitor may not open it."""
        found = self.find(account_id)
        if found is None or not found.opens:
            raise NoSuchPage(account_id=account_id)
        return found

    def desk_of(self, account_id: int) -> Box:
        """Return a mailbox in which the visitor may write letters. Raises NoSuchPage, LentForReading."""
        found = self.box(account_id)
        if not found.drafts:
            raise LentForReading(account_id=account_id)
        return found

    def sender(self, account_id: int) -> Box | None:
        """Return a mailbox under whose address the visitor may write, or None."""
        return next((box for box in self.senders if box.account_id == account_id), None)

    def find(self, account_id: int) -> Box | None:
        """Return a mailbox by its account, or None when it is not the visitor's."""
        return next((box for box in self.boxes if box.account_id == account_id), None)

    def actor(self, box: Box) -> Actor:
        """Return who acts, as the journal names them: the visitor, on behalf of what is not their own mailbox."""
        return Actor(self.login, self.person_id, on_behalf_of=None if box.kind == "person" else box.account_id)

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
    own = {person.person_id, *(one.account_id for one in held)}
    lent = [one for one in delegations.received(tx, person.person_id, tx.now_us) if one.account_id not in own]
    boxes = (_own_box(tx, person), *(_held_box(tx, one) for one in held), *(_lent_box(tx, one) for one in lent))
    return session, person.address, boxes


def _own_box(tx: Tx, person: Person) -> Box:
    place = _organisation(tx, person.unit_id)
    return Box(person.person_id, person.address, "person", person.name_ar, person.name_fr, *place)


def _held_box(tx: Tx, held: HeldPost) -> Box:
    if held.kind == "unit":
        return Box(held.account_id, held.address, "unit", held.title_ar, held.title_fr, *_organisation(tx, held.account_id))
    place = _organisation(tx, posts.find(tx, held.account_id).unit_id)
    return Box(held.account_id, held.address, "post", held.title_ar, held.title_fr, *place)


def _lent_box(tx: Tx, one: Delegated) -> Box:
    """Return a box of somebody else: a person's, a post's or a unit's."""
    kind = delegations.kind(tx, one.account_id)
    if kind == "person":
        box = _own_box(tx, people.find(tx, one.account_id))
    elif kind == "post":
        post = posts.find(tx, one.account_id)
        box = Box(post.post_id, post.address, "post", post.title_ar, post.title_fr, *_organisation(tx, post.unit_id))
    else:
        unit = units.find(tx, one.account_id)
        box = Box(unit.unit_id, unit.address or "", "unit", unit.name_ar, unit.name_fr, *_organisation(tx, unit.unit_id))
    return replace(box, lent=one)


def _organisation(tx: Tx, unit_id: int | None) -> tuple[str, str]:
    """Return the administration's names in Arabic and French."""
    if unit_id is None:
        return "", ""
    found: Organisation = organisations.find(tx, units.find(tx, unit_id).organisation_id)
    return found.name_ar, found.name_fr
