"""The properties of everything that CardDAV shows, in one table, and answers made of them. Pure.

RFC 4918 §15 (properties), §14.24 (response); RFC 3744 §4, §5.5 (principals, privileges), RFC 5397 (current-user-principal),
RFC 6352 §6.2, §7.1 (address books and their home), RFC 6578 §4 (sync-token). CTag is CalendarServer's, for clients older than RFC 6578.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from directory.carddav import vcard
from directory.carddav.books import Snapshot
from directory.carddav.paths import PRINCIPALS, Book, Level, Place
from directory.carddav.requests import ADDRESS_DATA, CALENDAR_SERVER, CARD, DAV, PREFIXES, Asked
from directory.markup import Element, render
from directory.types import Card

STATUS = {200: "200 OK", 404: "404 Not Found", 507: "507 Insufficient Storage"}
CONTENT_TYPE = f"{vcard.MEDIA_TYPE}; charset=utf-8"
MAX_CARD_BYTES = 65_536  # of what we write; nobody writes here

NAMES: Mapping[Book, Mapping[str, str]] = {
    "unit": {"ar": "وحدتي", "fr": "Mon unité", "en": "My unit"},
    "favourites": {"ar": "المفضلة", "fr": "Favoris", "en": "Favourites"},
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Who reads, in which language, and the state of those of their books that matter to the request."""

    person_id: int
    name: str
    language: str
    states: Mapping[Book, Snapshot]


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as it stands in a book."""

    card: Card
    digest: bytes

    @property
    def etag(self) -> str:
        """The entity tag of the card."""
        return f'"{self.digest.hex()}"'


Reading = Callable[[Place, Scene], Element]
Writing = Callable[[Shown, Scene, Asked], Element]


def dav(name: str, *children: Element, text: str = "") -> Element:
    """Return an element of the DAV: namespace."""
    return Element(f"{{{DAV}}}{name}", children, text)


def carddav(name: str, *children: Element, text: str = "", **attributes: str) -> Element:
    """Return an element of CardDAV's namespace."""
    return Element(f"{{{CARD}}}{name}", children, text, attributes)


def href(path: str) -> Element:
    """Return a reference to a path of ours."""
    return dav("href", text=path)


def _kinds(place: Place, _: Scene) -> Element:
    kinds: Mapping[Level, tuple[Element, ...]] = {
        "principal": (dav("collection"), dav("principal")),
        "book": (dav("collection"), carddav("addressbook")),
    }
    return dav("resourcetype", *kinds.get(place.level, (dav("collection"),)))


def _display(place: Place, scene: Scene) -> Element:
    named = NAMES[place.book]
    return dav("displayname", text=named.get(scene.language, named["fr"]) if place.level == "book" else scene.name)


def _principal(_: Place, scene: Scene) -> Element:
    return dav("current-user-principal", href(Place("principal", scene.person_id).path))


def _privileges(_: Place, __: Scene) -> Element:
    granted = (dav("privilege", dav(name)) for name in ("read", "read-current-user-privilege-set"))
    return dav("current-user-privilege-set", *granted)


def _reports(_: Place, __: Scene) -> Element:
    known = (dav("sync-collection"), carddav("addressbook-multiget"), carddav("addressbook-query"))
    return dav("supported-report-set", *(dav("supported-report", dav("report", one)) for one in known))


def _versions(_: Place, __: Scene) -> Element:
    types = (carddav("address-data-type", **{"content-type": vcard.MEDIA_TYPE, "version": one}) for one in vcard.VERSIONS)
    return carddav("supported-address-data", *types)


def _collations(_: Place, __: Scene) -> Element:
    known = ("i;ascii-casemap", "i;octet", "i;unicode-casemap")
    return carddav("supported-collation-set", *(carddav("supported-collation", text=one) for one in known))


_BOOK = frozenset[Level](["book"])
_PRINCIPAL = frozenset[Level](["principal"])
_OWNED = frozenset[Level](["principal", "home", "book"])
_ALL = frozenset[Level](["root", "principal", "home", "book"])

# By name: at which levels a collection has it, how it is made, and whether it is among what is usual.
COLLECTIONS: Mapping[str, tuple[frozenset[Level], Reading, bool]] = {
    f"{{{DAV}}}resourcetype": (_ALL, _kinds, True),
    f"{{{DAV}}}displayname": (_OWNED, _display, True),
    f"{{{DAV}}}current-user-principal": (_ALL, _principal, False),
    f"{{{DAV}}}principal-URL": (_PRINCIPAL, lambda place, _: dav("principal-URL", href(place.path)), False),
    f"{{{DAV}}}owner": (_OWNED, lambda place, _: dav("owner", href(place.inside("principal").path)), False),
    f"{{{DAV}}}principal-collection-set": (_ALL, lambda _, __: dav("principal-collection-set", href(PRINCIPALS)), False),
    f"{{{DAV}}}current-user-privilege-set": (_ALL, _privileges, False),
    f"{{{DAV}}}supported-report-set": (_BOOK, _reports, False),
    f"{{{DAV}}}sync-token": (_BOOK, lambda place, scene: dav("sync-token", text=scene.states[place.book].token), False),
    f"{{{CARD}}}addressbook-home-set": (
        _PRINCIPAL,
        lambda place, _: carddav("addressbook-home-set", href(place.inside("home").path)),
        False,
    ),
    f"{{{CARD}}}supported-address-data": (_BOOK, _versions, False),
    f"{{{CARD}}}supported-collation-set": (_BOOK, _collations, False),
    f"{{{CARD}}}max-resource-size": (_BOOK, lambda _, __: carddav("max-resource-size", text=str(MAX_CARD_BYTES)), False),
    f"{{{CALENDAR_SERVER}}}getctag": (
        _BOOK,
        lambda place, scene: Element(f"{{{CALENDAR_SERVER}}}getctag", text=str(scene.states[place.book].seq)),
        False,
    ),
}
STATEFUL = frozenset([f"{{{DAV}}}sync-token", f"{{{CALENDAR_SERVER}}}getctag"])


def written(card: Card, language: str, asked: Asked) -> str:
    """Return a card as a vCard of the version asked for, with the lines asked for."""
    lines = vcard.properties(card, language, asked.version)
    if asked.only:
        lines = [line for line in lines if line.name in asked.only or line.name in ("VERSION", "UID", "FN", "N")]
    return vcard.text(lines)


def _data(shown: Shown, scene: Scene, asked: Asked) -> Element:
    return Element(ADDRESS_DATA, text=written(shown.card, scene.language, asked))


CARDS: Mapping[str, tuple[Writing, bool]] = {
    f"{{{DAV}}}resourcetype": (lambda _, __, ___: dav("resourcetype"), True),
    f"{{{DAV}}}getetag": (lambda shown, _, __: dav("getetag", text=shown.etag), True),
    f"{{{DAV}}}getcontenttype": (lambda _, __, ___: dav("getcontenttype", text=CONTENT_TYPE), True),
    f"{{{DAV}}}getcontentlength": (
        lambda shown, scene, _: dav("getcontentlength", text=str(len(written(shown.card, scene.language, Asked()).encode()))),
        False,
    ),
    f"{{{DAV}}}current-user-privilege-set": (lambda _, scene, __: _privileges(Place("card"), scene), False),
    ADDRESS_DATA: (_data, False),
}


def collection(place: Place, scene: Scene, asked: Asked) -> Element:
    """Return the response about a collection."""
    here = {tag: make for tag, (levels, make, _) in COLLECTIONS.items() if place.level in levels}
    usual = [tag for tag in here if COLLECTIONS[tag][2]]
    made = {tag: here[tag](place, scene) for tag in _wanted(asked, usual) if tag in here}
    return _response(place.path, asked, tuple(here), made)


def card(place: Place, shown: Shown, scene: Scene, asked: Asked) -> Element:
    """Return the response about a card."""
    usual = [tag for tag, (_, is_usual) in CARDS.items() if is_usual]
    made = {tag: CARDS[tag][0](shown, scene, asked) for tag in _wanted(asked, usual) if tag in CARDS}
    return _response(place.path, asked, tuple(CARDS), made)


def status(path: str, code: int, *inside: Element) -> Element:
    """Return a response that only says how it went."""
    return dav("response", href(path), dav("status", text=f"HTTP/1.1 {STATUS[code]}"), *inside)


def multistatus(responses: Iterable[Element], *after: Element) -> bytes:
    """Return the document of a 207 answer (RFC 4918 §13)."""
    return render(dav("multistatus", *responses, *after), PREFIXES)


def error(condition: Element) -> bytes:
    """Return the document that says which condition was not met (RFC 4918 §16)."""
    return render(dav("error", condition), PREFIXES)


def _wanted(asked: Asked, usual: Iterable[str]) -> Iterable[str]:
    return {"named": asked.tags, "usual": usual, "names": ()}[asked.kind]


def _response(path: str, asked: Asked, known: tuple[str, ...], made: Mapping[str, Element]) -> Element:
    if asked.kind == "names":
        return dav("response", href(path), _propstat(200, (Element(tag) for tag in known)))
    parts = [_propstat(200, made.values())] if made else []
    if missing := [Element(tag) for tag in asked.tags if tag not in made]:
        parts.append(_propstat(404, missing))
    return dav("response", href(path), *(parts or [_propstat(200, ())]))


def _propstat(code: int, found: Iterable[Element]) -> Element:
    return dav("propstat", dav("prop", *found), dav("status", text=f"HTTP/1.1 {STATUS[code]}"))
