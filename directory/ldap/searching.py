"""One search, as units of work: from what is asked to the octets of the entries. RFC 4511 §4.5.

What a client may see is decided by the cards: what is hidden from them matches no filter and names no entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from config.database import Tx
from directory import cards, search
from directory.ldap import controls, dit, dn, matching, plan, schema, showing
from directory.ldap.controls import SortKey
from directory.ldap.dit import Place, Tree
from directory.ldap.entries import Entry
from directory.ldap.errors import BadName, NoSuchEntry, TooComplex, Unindexed
from directory.ldap.filters import And, Equal, Filter, Named, Not, Or, Present, Substrings
from directory.ldap.messages import BASE, ONE_LEVEL, SUBTREE, Search
from directory.ldap.showing import Reader, View

MAX_FOUND = 1000  # entries that one search looks at, and that a paged one shows in all


@dataclass(frozen=True, slots=True)
class Answer:
    """Entries as octets, the ids of those that a next page shows, and whether there are more than are ever shown."""

    entries: tuple[bytes, ...]
    rest: tuple[int, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """Ids among which all lie that are asked for, the filter that tells them, and what search said of its texts."""

    ids: Sequence[int]
    filter: Filter
    hits: Mapping[tuple[str, ...], frozenset[int]]
    truncated: bool = False


def run(tx: Tx, tree: Tree, reader: Reader, asked: Search, sort: tuple[SortKey, ...], limit: int, *, paged: bool) -> Answer:
    """Return the first `limit` entries of a search; with `paged` also what is left of it.

    Raises BadName, NoSuchEntry, TooComplex, Unindexed.
    """
    if asked.filter is None:
        raise TooComplex
    seen = _view(tx, tree, reader, asked)
    place, name = showing.place(tx, seen, dn.parse(asked.base))
    if asked.scope == BASE:
        shown, truncated = [one for one in showing.at(tx, seen, place) if matching.holds(asked.filter, one, {})], False
    else:
        whole = paged or bool(sort)
        found = _find(tx, seen, place, asked, MAX_FOUND if whole else limit + 1)
        shown = controls.sort(_matching(tx, seen, found, place, name, asked.scope, MAX_FOUND if whole else limit + 1), sort)
        truncated = found.truncated
    rest = tuple(entry.entry_id for entry in shown[limit:])
    octets = showing.encoded(seen, shown[:limit], types_only=asked.types_only)
    return Answer(octets, rest if paged else (), truncated or bool(rest and not paged))


def resume(tx: Tx, tree: Tree, reader: Reader, asked: Search, ids: Sequence[int], limit: int) -> Answer:
    """Return the next page of a search: what is still there of its entries."""
    seen = _view(tx, tree, reader, asked)
    shown = showing.several(tx, seen, ids[:limit])
    return Answer(showing.encoded(seen, shown, types_only=asked.types_only), tuple(ids[limit:]))


def compare(tx: Tx, tree: Tree, reader: Reader, name: str, assertion: Equal) -> bool | None:
    """Say whether an entry has a value; None when it has no such attribute (§4.10). Raises BadName, NoSuchEntry."""
    seen = showing.view(tx, tree, reader, frozenset(), occupants=True, members=True)
    place, _ = showing.place(tx, seen, dn.parse(name))
    for entry in showing.at(tx, seen, place):
        return bool(matching.holds(assertion, entry, {})) if matching.holds(Present(assertion.attribute), entry, {}) else None
    raise NoSuchEntry


def _view(tx: Tx, tree: Tree, reader: Reader, asked: Search) -> View:
    wanted = schema.selected(asked.attributes)
    named = {schema.base_type(name) for name in (*asked.attributes, *_attributes(asked.filter))}
    occupants = "roleOccupant" in wanted or "roleoccupant" in named
    return showing.view(tx, tree, reader, wanted, occupants=occupants, members=asked.scope == BASE or "member" in named)


def _find(tx: Tx, seen: View, place: Place, asked: Search, enough: int) -> _Found:
    """Return what may be asked for; `enough` bounds a search whose every result is shown. Raises Unindexed."""
    assert asked.filter is not None
    wanted = plan.simplify(asked.filter)
    try:
        needed = plan.lookups(wanted)
    except Unindexed:
        return _walked(tx, place, asked.filter, asked.scope)
    most = enough if isinstance(wanted, Named) and place.kind == "base" and asked.scope == SUBTREE else MAX_FOUND
    said = {text: search.candidates(tx, " ".join(text), seen.viewer, most) for text in sorted(needed.texts)}
    ids = dict.fromkeys([*_by_address(tx, needed.addresses), *_by_occupant(tx, seen, needed.occupants)])
    ids.update(dict.fromkeys(one for each in said.values() for one in each))
    truncated = any(len(each) >= MAX_FOUND for each in said.values())
    return _Found(list(ids)[:MAX_FOUND], wanted, {text: frozenset(each) for text, each in said.items()}, truncated)


def _walked(tx: Tx, place: Place, wanted: Filter, scope: int) -> _Found:
    """Return everything at a place. Raises Unindexed when that is more than may be looked at."""
    if scope == ONE_LEVEL:
        ids = dit.children(tx, place, MAX_FOUND)
    elif place.kind == "base":
        raise Unindexed
    else:
        ids = dit.below(tx, place, MAX_FOUND)
        if len(ids) >= MAX_FOUND:
            raise Unindexed
    return _Found(ids, wanted, {}, len(ids) >= MAX_FOUND)


def _matching(tx: Tx, seen: View, found: _Found, place: Place, name: str, scope: int, enough: int) -> list[Entry]:
    """Return the entries in scope of which the filter is true; made a few at a time, until there are enough."""
    shown: list[Entry] = []
    for start in range(0, len(found.ids), enough):
        made = showing.several(tx, seen, found.ids[start : start + enough])
        shown += [one for one in _in_scope(made, place, name, scope) if matching.holds(found.filter, one, found.hits)]
        if len(shown) >= enough:
            break
    return shown


def _in_scope(found: list[Entry], place: Place, name: str, scope: int) -> list[Entry]:
    if scope == ONE_LEVEL:
        parent = dn.parse(name)
        return [one for one in found if dn.parse(one.dn)[1:] == parent]
    if place.kind == "base":
        return found
    return [one for one in found if one.dn == name or one.dn.endswith("," + name)]


def _by_address(tx: Tx, addresses: Iterable[str]) -> list[int]:
    return [found for one in sorted(addresses) if (found := dit.account(tx, one)) is not None]


def _by_occupant(tx: Tx, seen: View, names: Iterable[str]) -> list[int]:
    """Return the posts that the named people hold, and the boxes of their units."""
    people: list[int] = []
    for one in sorted(names):
        try:
            place, _ = showing.place(tx, seen, dn.parse(one))
        except (BadName, NoSuchEntry):
            continue
        people += [place.entry_id] if place.kind == "account" else []
    return [post.account_id for card in cards.cards(tx, seen.viewer, people) for post in card.posts]


def _attributes(one: Filter | None) -> list[str]:
    """Return the attributes that a filter speaks of."""
    match one:
        case And(parts) | Or(parts):
            return [name for part in parts for name in _attributes(part)]
        case Not(part):
            return _attributes(part)
        case Equal() | Present() | Substrings():
            return [one.attribute]
    return []
