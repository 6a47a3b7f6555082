"""From ids to entries, as far as one client may see them: a unit of work's inner step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config.database import Tx
from directory import cards, lists, visibility
from directory.ldap import dit, dn, entries, selfsaid
from directory.ldap.dit import Path, Place, Tree
from directory.ldap.dn import Rdn
from directory.ldap.entries import Entry, Links
from directory.ldap.errors import NoSuchEntry
from directory.ldap.shelf import Kept, Key
from directory.types import Card, Viewer

SMALL_LIST = 100  # members up to which a list is shown as a group
MAX_EXPANDED = 5  # lists whose members one answer shows
_HOMES = "SELECT person_id, unit_id FROM person WHERE person_id IN (:ids[]) AND unit_id IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks. `person_id` is None for somebody who has not signed in; `language` is that of displayName."""

    person_id: int | None
    language: str


@dataclass(frozen=True, slots=True)
class View:
    """One client's view of the tree: which descriptions are shown, whether occupants of posts and members of lists are named."""

    tree: Tree
    viewer: Viewer
    language: str
    wanted: frozenset[str]
    occupants: bool
    members: bool


def view(tx: Tx, tree: Tree, reader: Reader, wanted: frozenset[str], *, occupants: bool, members: bool) -> View:
    """Return how somebody sees the tree today."""
    viewer = visibility.OUTSIDER if reader.person_id is None else visibility.viewer(tx, reader.person_id)
    return View(tree, viewer, reader.language, wanted, occupants, members)


def place(tx: Tx, seen: View, name: tuple[Rdn, ...]) -> tuple[Place, str]:
    """Return what a name names, and how we write it. Raises NoSuchEntry, also for what is hidden or stands elsewhere."""
    found = seen.tree.find(tx, name)
    if found.kind == "base":
        return found, seen.tree.text
    written = _written(tx, seen, found)
    if not written or dn.key(dn.parse(written)) != dn.key(name):
        raise NoSuchEntry(seen.tree.text)
    return found, written


def at(tx: Tx, seen: View, found: Place) -> list[Entry]:
    """Return the entry of a place; none when it has gone meanwhile."""
    if found.kind == "base":
        return [selfsaid.base(seen.tree.base, seen.tree.text)]
    return several(tx, seen, [found.entry_id])


def several(tx: Tx, seen: View, ids: Sequence[int]) -> list[Entry]:
    """Return the entries with these ids that the client may see, in this order."""
    if not ids:
        return []
    shelf = seen.tree.shelf
    made = _kept(tx, seen, ids) if shelf.follow(tx) and not seen.members else {}
    missing = [one for one in dict.fromkeys(ids) if one not in made]
    if missing:
        homes = dit.homes(tx, missing)
        near = {one for one in missing if _is_near(seen.viewer, one, *homes.get(one, (None, None)))}
        stranger = Viewer(None, frozenset(), frozenset(), seen.viewer.reach)
        for viewer, some in ((seen.viewer, sorted(near)), (stranger, [one for one in missing if one not in near])):
            made |= _made(tx, seen, some, viewer) if some else {}
        made |= _nodes(tx, seen, [one for one in missing if one not in made])
    return [made[one] for one in dict.fromkeys(ids) if one in made]


def _nodes(tx: Tx, seen: View, ids: Sequence[int]) -> dict[int, Entry]:
    """Return the entries of administrations, and of units without a mailbox."""
    found = dit.nodes(tx, ids)
    names = seen.tree.paths(tx, [node.node_id for node in found])
    return {node.node_id: entries.of_node(node, names[node.node_id].name) for node in found}


def _is_near(viewer: Viewer, account_id: int, unit_id: int | None, organisation_id: int | None) -> bool:
    """Say whether a viewer sees more of an entry than everybody of their reach does."""
    return viewer.person_id == account_id or unit_id in viewer.unit_ids or organisation_id in viewer.organisation_ids


def _kept(tx: Tx, seen: View, ids: Iterable[int]) -> dict[int, Entry]:
    """Return the entries that need not be made again."""
    shelf, now_us, found = seen.tree.shelf, tx.now_us, dict[int, Entry]()
    arabic = seen.language == "ar"
    for one in ids:
        kept = shelf.get(Key(one, seen.viewer.reach, arabic, seen.occupants), now_us)
        if kept is None or _is_near(seen.viewer, one, kept.unit_id, kept.organisation_id):
            kept = shelf.get(Key(one, seen.viewer, arabic, seen.occupants), now_us)
        if kept is not None:
            found[one] = kept.entry
    return found


def _made(tx: Tx, seen: View, ids: Sequence[int], viewer: Viewer) -> dict[int, Entry]:
    """Return the entries of accounts as `viewer` sees them, and keep them."""
    shown = cards.cards(tx, viewer, ids)
    homes = _homes(tx, seen, shown)
    names = seen.tree.paths(tx, {*filter(None, map(_above, shown)), *homes.values()})
    links = _expanded(tx, seen, [card for card in shown if card.kind == "list"])
    eyes, arabic = seen.viewer if viewer is seen.viewer else viewer.reach, seen.language == "ar"
    made: dict[int, Entry] = {}
    for card in shown:
        link = links.get(card.account_id) or _links(seen, card, homes, names)
        entry = made[card.account_id] = entries.of_card(card, _name(seen, card, names), seen.language, link)
        if card.kind != "list":
            kept = Kept(entry, _spoken_of(card, homes, names), card.unit_id, card.organisation_id, tx.now_us)
            seen.tree.shelf.put(Key(card.account_id, eyes, arabic, seen.occupants), kept)
    return made


def _spoken_of(card: Card, homes: dict[int, int], names: dict[int, Path]) -> tuple[int, ...]:
    """Return the ids that an entry depends on."""
    others = [one.person_id for one in card.holders] + [one.account_id for one in card.posts]
    places = [_above(card), *(homes.get(one.person_id) for one in card.holders)]
    above = {one for place in places if place for one in names[place].ids}
    return tuple({card.account_id, *others, *above})


def encoded(seen: View, shown: Sequence[Entry], *, types_only: bool) -> tuple[bytes, ...]:
    """Return entries as octets."""
    return tuple(entries.encode(one, seen.wanted, types_only=types_only) for one in shown)


def _written(tx: Tx, seen: View, found: Place) -> str:
    if found.kind == "account":
        return next((entry.dn for entry in several(tx, seen, [found.entry_id])), "")
    path = seen.tree.paths(tx, [found.entry_id]).get(found.entry_id)
    return path.name if path else ""


def _above(card: Card) -> int | None:
    """Return the id of the unit or administration that a card stands in; a unit's box is the unit itself."""
    return card.account_id if card.kind == "unit" else card.unit_id or card.organisation_id


def _name(seen: View, card: Card, names: dict[int, Path]) -> str:
    above = _above(card)
    holding = names[above].name if above else seen.tree.text
    return holding if card.kind == "unit" else f"{dn.rdn('mail', card.address)},{holding}"


def _homes(tx: Tx, seen: View, shown: Iterable[Card]) -> dict[int, int]:
    """Return the units of the holders whose names are wanted."""
    if not seen.occupants:
        return {}
    people = sorted({holder.person_id for card in shown for holder in card.holders})
    return {row[0]: row[1] for row in tx.rows(_HOMES, ids=people)} if people else {}


def _links(seen: View, card: Card, homes: dict[int, int], names: dict[int, Path]) -> Links:
    if not seen.occupants or not card.holders:
        return entries.NO_LINKS
    places = ((holder.address, homes.get(holder.person_id)) for holder in card.holders)
    return Links(tuple(f"{dn.rdn('mail', address)},{names[home].name if home else seen.tree.text}" for address, home in places))


def _expanded(tx: Tx, seen: View, found: Sequence[Card]) -> dict[int, Links]:
    """Return the members of the first few lists, as far as the client may see them; none of a list with many."""
    if not seen.members:
        return {}
    return {card.account_id: Links(members=_members(tx, seen, card.account_id)) for card in found[:MAX_EXPANDED]}


def _members(tx: Tx, seen: View, list_id: int) -> tuple[str, ...]:
    ids = lists.members(tx, list_id, 0, SMALL_LIST + 1)
    if not ids or len(ids) > SMALL_LIST:
        return ()
    shown = cards.cards(tx, seen.viewer, ids)
    names = seen.tree.paths(tx, set(filter(None, map(_above, shown))))
    return tuple(_name(seen, card, names) for card in shown)
