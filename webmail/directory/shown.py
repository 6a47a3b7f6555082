"""Entries as the pages show them: in the reader's language, with the name in the other script beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.database import Tx
from directory import cards, entries, favourites, tenures
from directory.errors import BadAddress
from directory.types import AccountKind, Card, Suggestion, Viewer
from webmail import recipients
from webmail.errors import N_
from webmail.language import current, pick
from webmail.views import complete

KINDS: dict[AccountKind, str] = {"person": N_("Person"), "post": N_("Post"), "unit": N_("Unit mailbox"), "list": N_("List")}
ICONS: dict[str, str] = {"person": "user-round", "post": "landmark", "unit": "building-2", "list": "mails"}
HOLDINGS = {"titular": N_("titular"), "interim": N_("acting"), "delegation": N_("by delegation"), "unit": N_("unit mailbox")}
UNITS = {"head": "landmark", "registry": "stamp", "hr": "users-round", "finance": "coins", "legal": "scale", "it": "server"}
FUNCTIONS = {
    "head": N_("Head"),
    "registry": N_("Registry"),
    "hr": N_("Human resources"),
    "finance": N_("Finance"),
    "legal": N_("Legal affairs"),
    "it": N_("Information technology"),
    "secretary": N_("Secretariat"),
    "member": N_("Member"),
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the reader's script, and in the other one when it differs; `lang` is the language of the latter."""

    shown: str
    other: str
    lang: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as a line or a page shows it. `vacant`: a post that nobody holds."""

    card: Card
    starred: bool
    vacant: bool

    @property
    def name(self) -> Name:
        """What it is called."""
        return name(self.card.name_ar, self.card.name_fr, self.card.address)

    @property
    def title(self) -> str:
        """The function of a person; "" for what is not one."""
        return pick(self.card.title_ar, self.card.title_fr) if self.card.kind == "person" else ""

    @property
    def place(self) -> str:
        """Unit and administration."""
        unit = "" if self.card.kind == "unit" else pick(self.card.unit_ar, self.card.unit_fr)
        return " · ".join(part for part in (unit, pick(self.card.organisation_ar, self.card.organisation_fr)) if part)

    @property
    def recipient(self) -> str:
        """How it stands in a field of recipients."""
        return recipient(self.name.shown, self.card.address)

    @property
    def icon(self) -> str:
        """Its icon."""
        return ICONS[self.card.kind]


def name(ar: str, fr: str, otherwise: str = "") -> Name:
    """Return a name for the reader; `otherwise` stands in when there is none."""
    shown = pick(ar, fr)
    other, lang = (fr, "fr") if current().code == "ar" else (ar, "ar")
    return Name(shown or otherwise, other if other and other != shown else "", lang)


def recipient(shown: str, address: str) -> str:
    """Return an entry as a field of recipients takes it; "" when it cannot be written to."""
    try:
        return recipients.show((recipients.mailbox(shown, address),))
    except BadAddress:
        return ""


def listed(tx: Tx, viewer: Viewer, account_ids: Sequence[int]) -> list[Shown]:
    """Return what a viewer may see of accounts, in their order."""
    found = cards.cards(tx, viewer, account_ids)
    kept = frozenset(favourites.of(tx, viewer.person_id)) if viewer.person_id is not None else frozenset()
    empty = vacant(tx, viewer, [one for one in found if one.kind == "post" and not one.holders])
    return [Shown(one, one.account_id in kept, one.account_id in empty) for one in found]


def vacant(tx: Tx, viewer: Viewer, posts: Sequence[Card]) -> frozenset[int]:
    """Return those of some posts without a holder to show that nobody holds; where holders are hidden nothing is said."""
    return tenures.shown(tx, viewer, posts) - tenures.occupied(tx, [one.account_id for one in posts])


def known(tx: Tx, account_ids: Sequence[int]) -> dict[int, Suggestion]:
    """Return how to show accounts to somebody who deals with them already, hidden ones too; those that have left are missing."""
    ids = sorted(set(account_ids))
    return {one.account_id: one.suggestion for one in entries.entries(tx, ids)} if ids else {}


def called(found: Mapping[int, Suggestion], account_id: int) -> complete.Entry:
    """Return what an account is called in the reader's language; a dash for one that has left."""
    return complete.entry(found[account_id]) if account_id in found else complete.Entry("—", "", "", "")
