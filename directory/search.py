"""Completion while somebody types: people, posts, boxes of units and lists by name, function, administration or address.

Every word of a query is a set of accounts (see postings), and so are the reader's correspondents, unit and administration and
the levels of functions. The likeliest are where these meet, so that nothing is walked and nothing is missed however many match.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from config.database import Tx
from directory import postings, recents, tokens
from directory.entries import Entry, entries, seen
from directory.indexing import LEVELS, catch_up, forget, index, rebuild
from directory.names import words
from directory.postings import NOTHING, Bits, both, either, every, without
from directory.tokens import AddressPart, Word
from directory.types import Suggestion, Viewer

__all__ = ["MAX_RESULTS", "candidates", "catch_up", "complete", "describe", "forget", "ids", "index", "rebuild"]

MAX_RESULTS = 100
RANKED_PER_RESULT = 3  # candidates that are ranked for each result asked for
MAX_PLACES = 50  # of one person: units, and administrations
MAX_ADDRESSES = 5_000  # an address typed so far that begins more of them is taken as its words

_BEGUN = "SELECT account_id FROM address WHERE folded >= :low AND folded < :high AND closed_us IS NULL LIMIT :limit"


@dataclass(frozen=True, slots=True)
class _Match:
    """The accounts that match a query: each word whole, each at least begun."""

    whole: Bits
    begun: Bits


@dataclass(frozen=True, slots=True)
class _Near:
    """What is near somebody: whom they wrote to, the latest first, then their units, then their administrations."""

    correspondents: Sequence[int]
    places: tuple[Bits, ...]


def complete(tx: Tx, query: str, limit: int = 20, viewer: Viewer | None = None) -> list[Suggestion]:
    """Return up to `limit` entries of which every word of `query` begins something, the likeliest for `viewer` first.

    When that finds too little, words also match by their consonants, which brings other spellings of names.
    Without a viewer nothing is hidden and nothing is near.
    """
    return [one.suggestion for one in _found(tx, query, viewer, limit)]


def ids(tx: Tx, query: str, viewer: Viewer | None = None, limit: int = 20) -> list[int]:
    """Return the accounts of what `complete` returns, in the same order."""
    return [one.account_id for one in _found(tx, query, viewer, limit)]


def candidates(tx: Tx, query: str, viewer: Viewer | None = None, limit: int = 1000) -> list[int]:
    """Return up to `limit` accounts that a query means, likelier groups first: for faces that show cards.

    Quicker than `ids` by what ordering by name costs. What is hidden from the viewer is among them: cards leave it out.
    """
    asked = tokens.of_query(query)
    if not asked or limit <= 0:
        return []
    near, match = _nearness(tx, viewer), _match(tx, asked)
    found = _likeliest(tx, match, near, limit)
    if len(found) < limit:
        found += _likeliest(tx, _Match(NOTHING, without(_alike(tx, asked), match.begun)), near, limit - len(found))
    return found


def describe(tx: Tx, account_id: int) -> Suggestion | None:
    """Return how the directory shows one account; None when it has left."""
    return next((one.suggestion for one in entries(tx, [account_id])), None)


def _found(tx: Tx, query: str, viewer: Viewer | None, limit: int) -> list[Entry]:
    asked, limit = tokens.of_query(query), max(0, min(limit, MAX_RESULTS))
    if not asked or not limit:
        return []
    near = _nearness(tx, viewer)
    match = _match(tx, asked)
    found = _ranked(tx, _likeliest(tx, match, near, limit * RANKED_PER_RESULT), near, query, viewer)
    if len(found) < limit:
        alike = _alike(tx, asked)
        more = _likeliest(tx, _Match(NOTHING, without(alike, match.begun)), near, limit * RANKED_PER_RESULT)
        found += _ranked(tx, more, near, query, viewer)
    return found[:limit]


def _match(tx: Tx, asked: Sequence[Word | AddressPart]) -> _Match:
    """Return who matches all that is asked for."""
    match = _one(tx, asked[0])
    for one in asked[1:]:
        if not match.begun:
            break
        more = _one(tx, one)
        match = _Match(both(match.whole, more.whole), both(match.begun, more.begun))
    return match


def _one(tx: Tx, one: Word | AddressPart) -> _Match:
    if isinstance(one, AddressPart):
        return _address(tx, one)
    return _Match(postings.read(tx, one.whole), postings.read(tx, one.beginning))


def _address(tx: Tx, part: AddressPart) -> _Match:
    """Return whose addresses begin so; who has the words of it when there are very many or, as for entries of other nodes, none."""
    begun = tx.column(_BEGUN, low=part.keys.low, high=part.keys.high, limit=MAX_ADDRESSES)
    if part.words and not 0 < len(begun) < MAX_ADDRESSES:
        match = _match(tx, part.words)
        domain = postings.read(tx, part.domain) if part.domain is not None else match.begun
        return _Match(both(match.whole, domain), both(match.begun, domain))
    found = postings.of(begun)
    return _Match(found, found)


def _alike(tx: Tx, asked: Sequence[Word | AddressPart]) -> Bits:
    """Return who matches all that is asked for when spellings may differ."""
    if not any(isinstance(one, Word) and one.sound for one in asked):
        return NOTHING
    return every([_sounds(tx, one) if isinstance(one, Word) else _address(tx, one).begun for one in asked])


def _sounds(tx: Tx, word: Word) -> Bits:
    begun = postings.read(tx, word.beginning)
    return either(begun, postings.read(tx, word.sound)) if word.sound else begun


def _nearness(tx: Tx, viewer: Viewer | None) -> _Near:
    if viewer is None:
        return _Near((), ())
    correspondents = recents.latest(tx, viewer.person_id) if viewer.person_id is not None else ()
    units, organisations = map(tokens.in_unit, viewer.unit_ids), map(tokens.in_organisation, viewer.organisation_ids)
    kinds = [list(units)[:MAX_PLACES], list(organisations)[:MAX_PLACES]]
    listed = postings.read_each(tx, [place for places in kinds for place in places])
    return _Near(correspondents, tuple(reduce(either, [listed[place] for place in places], NOTHING) for places in kinds))


def _likeliest(tx: Tx, match: _Match, near: _Near, wanted: int) -> list[int]:
    """Return `wanted` accounts at most: from near to far, whole words before beginnings, high functions before low ones."""
    found: list[int] = []
    left = match.begun
    for bits in _groups(tx, match, near):
        if not left or len(found) >= wanted:
            break
        fresh = both(bits, left)
        found += [one for one, _ in zip(postings.account_ids(fresh), range(wanted - len(found)), strict=False)]
        left = without(left, fresh)
    return found


def _groups(tx: Tx, match: _Match, near: _Near) -> Iterator[Bits]:
    """Yield sets of matching accounts, likelier ones first; they may overlap."""
    levels: dict[str, Bits] = {}
    for place in (postings.of(near.correspondents), *near.places, None):
        for matching in (match.whole, match.begun):
            here = matching if place is None else both(matching, place)
            if not here:
                continue
            levels = levels or postings.read_each(tx, [tokens.of_level(level) for level in range(len(LEVELS) + 1)])
            for level in levels.values():
                yield both(here, level)
            yield here


def _ranked(tx: Tx, account_ids: list[int], near: _Near, query: str, viewer: Viewer | None) -> list[Entry]:
    """Return what the viewer may see: near entries first, whole words before beginnings, high functions before low ones, by name."""
    asked, listed = words(query[: tokens.MAX_QUERY_CHARS]), postings.of(account_ids)
    distances = {account_id: distance for distance, account_id in enumerate(near.correspondents)}
    for distance, place in enumerate(near.places, len(distances)):
        for account_id in postings.account_ids(both(place, listed)):
            distances.setdefault(account_id, distance)

    far = len(near.correspondents) + len(near.places)

    def order(one: Entry) -> tuple[int, int, int, str, str]:
        return distances.get(one.account_id, far), -one.whole(asked), one.rank, one.suggestion.name_fr, one.suggestion.address

    found = list(entries(tx, account_ids))
    return sorted(found if viewer is None else seen(tx, viewer, found), key=order)
