"""Who signs a document: a person in their own name, in a post that they hold, or for somebody who has delegated it to them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from config.clock import SECOND_US
from config.database import Tx
from directory import certificates, delegations, holdings, organisations, people, posts, units
from directory.types import Certificate
from mailcore.errors import NotAllowed
from signing.pdf import pades
from signing.pdf.types import LAST_PAGE, Corner, Language, Stamp

FONTS = "/usr/share/fonts/truetype/noto"  # where Debian's fonts-noto-core puts them
FORMULAS = {"ar": "عن {of} وبتفويض منه", "fr": "Pour {of}, par délégation"}
PURPOSE = "sign"


@dataclass(frozen=True, slots=True)
class Named:
    """A name in both scripts, Arabic first; the other one where there is only one."""

    ar: str = ""
    fr: str = ""

    def text(self, language: Language) -> str:
        """Return the name in one of them."""
        return (self.ar or self.fr) if language == "ar" else (self.fr or self.ar)


@dataclass(frozen=True, slots=True)
class Signatory:
    """A person, the account in whose name they sign, and its certificate. `for_whom` delegated it to them; nobody when it is theirs."""

    person_id: int
    account_id: int
    address: str
    person: Named
    function: Named
    organisation: Named
    for_whom: Named
    certificate: Certificate | None


def find(tx: Tx, person_id: int, account_id: int) -> Signatory:
    """Return who signs when a person does so in the name of an account. Raises NotAllowed when the account is not theirs to sign with."""
    person = people.find(tx, person_id)
    held = holdings.held_by(tx, person_id, tx.now_us)
    certificate = certificates.current(tx, account_id, PURPOSE, tx.now_us)
    own = Named(person.name_ar, person.name_fr)
    first = Named(held[0].title_ar, held[0].title_fr) if held else Named()
    found = Signatory(person_id, account_id, person.address, own, first, _organisation(tx, person.unit_id), Named(), certificate)
    if account_id == person_id:
        return replace(found, function=Named())
    mine = next((one for one in held if one.account_id == account_id), None)
    if mine is not None:
        unit_id = account_id if mine.kind == "unit" else posts.find(tx, account_id).unit_id
        title = Named(mine.title_ar, mine.title_fr)
        return replace(found, address=mine.address, function=title, organisation=_organisation(tx, unit_id))
    lent = delegations.between(tx, person_id, account_id, tx.now_us)
    if lent is None or lent.sends is None:
        raise NotAllowed("this person may not sign in the name of that address", account_id=account_id, person_id=person_id)
    return _lent(tx, found)


def stamp(who: Signatory, language: Language, now_us: int, digest: str, corner: Corner | None = None, page: int = LAST_PAGE) -> Stamp:
    """Return what the page shows of a signature. `digest` is that of the document before it, which the QR code holds."""
    of = who.for_whom.text(language)
    serial = "" if who.certificate is None else pades.serial(who.certificate.der)
    at = datetime.fromtimestamp(now_us // SECOND_US, UTC)
    return Stamp(
        language=language,
        name=who.person.text(language),
        function=who.function.text(language),
        organisation=who.organisation.text(language),
        formula=FORMULAS[language].format(of=of) if of else "",
        moment=at.astimezone().strftime("%Y-%m-%d %H:%M" if language == "ar" else "%d/%m/%Y %H:%M"),
        serial=serial,
        code="\n".join((who.address, at.strftime("%Y-%m-%dT%H:%M:%SZ"), f"serial {serial}", f"sha256 {digest}")),
        fonts=FONTS,
        corner=corner or "",
        page=page,
    )


def _lent(tx: Tx, found: Signatory) -> Signatory:
    """Say for whom somebody signs who was given the power to."""
    kind = delegations.kind(tx, found.account_id)
    if kind == "post":
        post = posts.find(tx, found.account_id)
        return _for(tx, found, Named(post.title_ar, post.title_fr), post.address, post.unit_id)
    if kind == "unit":
        unit = units.find(tx, found.account_id)
        return _for(tx, found, Named(unit.name_ar, unit.name_fr), unit.address or "", unit.unit_id)
    owner = people.find(tx, found.account_id)
    return _for(tx, found, Named(owner.name_ar, owner.name_fr), owner.address, owner.unit_id)


def _for(tx: Tx, found: Signatory, whom: Named, address: str, unit_id: int | None) -> Signatory:
    return replace(found, address=address, organisation=_organisation(tx, unit_id), for_whom=whom)


def _organisation(tx: Tx, unit_id: int | None) -> Named:
    if unit_id is None:
        return Named()
    found = organisations.find(tx, units.find(tx, unit_id).organisation_id)
    return Named(found.name_ar, found.name_fr)
